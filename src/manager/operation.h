#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/guid.h"
#include "base/time.h"
#include "control/failure.h"
#include "control/json.h"

namespace hvis::manager {

enum class OperationState : uint8_t { kRunning, kSucceeded, kFailed, kCancelled };
inline constexpr std::array<std::string_view, 4> kOperationWords = {"running", "succeeded",
                                                                    "failed", "cancelled"};

/// Long work as callers see it.
struct Operation {
    Guid id;
    std::string kind;  ///< "vm.stop", "vm.export", "database.backup", …
    std::optional<Guid> vm;
    std::string vm_name;
    std::string caller;
    OperationState state = OperationState::kRunning;
    std::optional<double> progress;  ///< 0 to 1, where it can be known
    std::string step;                ///< "waiting for the guest to shut down"
    WallTime created;
    std::optional<WallTime> finished;
    std::optional<control::Failure> error;
    std::shared_ptr<const control::Json> result;
};
control::Json to_json(const Operation& operation);
/// Lenient towards what an older hvisd stored.
std::optional<Operation> operation_from_json(const control::Json& value);

}  // namespace hvis::manager
