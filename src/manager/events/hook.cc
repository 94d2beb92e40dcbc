#include "manager/events/hook.h"

#include <algorithm>

namespace hvis::manager {

bool HookFilter::matches(const StoredEvent& event) const {
    const bool test = event.id == std::to_underlying(control::EventId::kAlertTest);
    const bool wanted = event.severity >= at_least &&
                        (ids.empty() || std::ranges::find(ids, event.id) != ids.end());
    if (!test && !wanted) {
        return false;
    }
    return vms.empty() || (event.vm && std::ranges::any_of(vms, [&](const std::string& vm) {
                               return vm == event.vm_name || vm == event.vm->to_string();
                           }));
}

}  // namespace hvis::manager
