#pragma once

#include <vector>

#include "manager/store/store.h"

namespace hvis::manager {

/// Definitions, wishes and the lives of workers.
class VmTable {
public:
    /// Lives of one VM's worker that are remembered, the newest: the last words of an older one
    /// have long been read.
    static constexpr int64_t kRunsKept = 8;

    explicit VmTable(Database& database) : database_(database) {}

    Result<std::vector<VmRecord>, Failure> load();
    Result<void, Failure> save_definition(const VmDefinition& definition);
    Result<void, Failure> save_wish(const Guid& vm, bool wanted_running, uint32_t restart_attempts);
    Result<void, Failure> remove(const Guid& vm);

    Result<std::optional<uint64_t>, Failure> next_event_of(const Guid& vm, const Guid& run);
    /// Nothing happens for a VM that is not in the table.
    Result<void, Failure> move_cursor(const Store::Cursor& cursor);

private:
    Database& database_;
};

}  // namespace hvis::manager
