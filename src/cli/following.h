#pragma once

#include <functional>

#include "cli/session.h"

namespace hvis::cli {

/// Follows a stream of hvisd over its restarts: when it ends, it is asked for again, until Ctrl+C
/// or until `take` returns false; both are a good end. `target` is asked before each connection.
/// Fails at what hvisd refuses. Whoever calls has asked hvisd something before: here, one that
/// cannot be reached is waited for.
Result<void, Failure> keep_following(Session& session, const std::function<Target()>& target,
                                     const Api::Take& take);

}  // namespace hvis::cli
