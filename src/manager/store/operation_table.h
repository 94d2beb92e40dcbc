#pragma once

#include <vector>

#include "manager/operation.h"
#include "manager/store/database.h"

namespace hvis::manager {

/// Operations, running and finished.
class OperationTable {
public:
    explicit OperationTable(Database& database) : database_(database) {}

    Result<void, Failure> save(const Operation& operation);
    /// The oldest first; rows that this version cannot read are left out.
    Result<std::vector<Operation>, Failure> load();
    Result<void, Failure> remove(const Guid& id);

private:
    Database& database_;
};

}  // namespace hvis::manager
