#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "cli/session.h"

namespace hvis::cli {

/// The byte that leaves the console: Ctrl+].
inline constexpr char kLeaveConsole = 0x1d;

/// What of the keys goes to the guest: all before kLeaveConsole. `left` says whether it came.
std::string_view keys_for_guest(std::string_view keys, bool& left);

/// Joins this process's standard input and output with the socket of a serial port, until the
/// socket ends or somebody leaves. A terminal is raw meanwhile and is put back as it was.
Result<void, Failure> join_serial(Session& session, UniqueFd socket);

}  // namespace hvis::cli
