#include "manager/events/run_cursors.h"

#include <algorithm>

namespace hvis::manager {

RunCursors::Run* RunCursors::find(const Guid& vm, const Guid& run) {
    const auto runs = of_vm_.find(vm);
    if (runs == of_vm_.end()) {
        return nullptr;
    }
    const auto found = std::ranges::find(runs->second, run, &Run::run);
    return found == runs->second.end() ? nullptr : &*found;
}

Result<uint64_t, Failure> RunCursors::next_of(const Guid& vm, const Guid& run) {
    if (const Run* known = find(vm, run)) {
        return known->next_event;
    }
    const uint64_t next = HVIS_TRY(store_.next_event_of(vm, run)).value_or(1);
    set({.vm = vm, .run = run, .next_event = next});
    return next;
}

void RunCursors::set(const Store::Cursor& cursor) {
    if (Run* known = find(cursor.vm, cursor.run)) {
        known->next_event = std::max(known->next_event, cursor.next_event);
    } else {
        of_vm_[cursor.vm].push_back({.run = cursor.run, .next_event = cursor.next_event});
    }
}

void RunCursors::trim() {
    for (auto& [vm, runs] : of_vm_) {
        if (runs.size() > runs_remembered_) {
            runs.erase(runs.begin(), runs.end() - static_cast<std::ptrdiff_t>(runs_remembered_));
        }
    }
}

}  // namespace hvis::manager
