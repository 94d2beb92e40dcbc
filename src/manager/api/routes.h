#pragma once

#include <span>

#include "manager/api/router.h"

namespace hvis::manager {

/// The whole API: docs/hvisd.md and openapi.yaml, which tests hold against this table.
std::span<const Route> api_routes();

}  // namespace hvis::manager
