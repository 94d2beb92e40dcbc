#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::cli {

/// Takes over SIGINT and SIGTERM: the descriptor becomes readable when one has come, and stays so.
/// Programs that this process starts must unblock them. Call once, before there are threads.
Result<UniqueFd> take_interrupts();

}  // namespace hvis::cli
