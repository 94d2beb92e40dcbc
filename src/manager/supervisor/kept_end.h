#pragma once

#include <optional>
#include <string>

#include "base/guid.h"
#include "manager/store/store.h"
#include "manager/supervisor/restart_policy.h"

namespace hvis::manager {

/// How the last run of a VM ended, as the store keeps it: so that a restarted hvisd neither judges
/// the same end twice nor forgets why a VM stands still.
struct KeptEnd {
    std::optional<Guid> run;  ///< none: a worker that was never reached
    Ending::Kind kind = Ending::Kind::kStopped;
    std::string why;
};

Result<std::optional<KeptEnd>, Failure> load_end(Store& store, const Guid& vm);
Result<void, Failure> save_end(Store& store, const Guid& vm, const KeptEnd& end);
/// For a VM that is deleted.
Result<void, Failure> forget_end(Store& store, const Guid& vm);

}  // namespace hvis::manager
