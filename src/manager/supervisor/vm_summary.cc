#include "manager/supervisor/vm_summary.h"

#include <nlohmann/json.hpp>

namespace hvis::manager {

std::optional<std::chrono::milliseconds> VmSummary::uptime(TimePoint now) const {
    if (status == nullptr) {
        return std::nullopt;
    }
    const auto told = status->find("uptime_ms");
    if (told == status->end() || !told->is_number_integer()) {
        return std::nullopt;
    }
    const std::chrono::milliseconds then(told->get<int64_t>());
    // A paused machine's time stands still.
    return state == "running"
               ? then + std::chrono::floor<std::chrono::milliseconds>(now - status_at)
               : then;
}

}  // namespace hvis::manager
