#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/guid.h"
#include "manager/store/store.h"

namespace hvis::manager {

/// How far the events of each life of each worker have been taken in, committed or still waiting.
/// What is not in memory is looked up in the store.
class RunCursors {
public:
    RunCursors(Store& store, size_t runs_remembered)
        : store_(store), runs_remembered_(runs_remembered) {}

    /// The number of the event that is to be taken next; 1 for a life that nobody knows.
    Result<uint64_t, Failure> next_of(const Guid& vm, const Guid& run);
    void set(const Store::Cursor& cursor);
    void forget(const Guid& vm) { of_vm_.erase(vm); }
    /// Forgets all but the newest lives of each VM; only while no event waits, because the store
    /// must know what is forgotten here.
    void trim();

private:
    struct Run {
        Guid run;
        uint64_t next_event;
    };
    Run* find(const Guid& vm, const Guid& run);

    Store& store_;
    size_t runs_remembered_;
    std::map<Guid, std::vector<Run>> of_vm_;  // the newest life last
};

}  // namespace hvis::manager
