#include "manager/store/operation_table.h"

#include <nlohmann/json.hpp>

#include "manager/store/columns.h"

namespace hvis::manager {
namespace {

constexpr size_t kMaxDocumentBytes = size_t{16} << 20U;

}  // namespace

Result<void, Failure> OperationTable::save(const Operation& operation) {
    auto row = HVIS_TRY(
        database_.prepare("INSERT INTO operation (id, created, document) VALUES (?1, ?2, ?3) "
                          "ON CONFLICT (id) DO UPDATE SET document = excluded.document"));
    return row.bind(1, operation.id.to_string())
        .bind(2, to_column(operation.created))
        .bind(3, control::dump_json(to_json(operation)))
        .run();
}

Result<std::vector<Operation>, Failure> OperationTable::load() {
    auto rows =
        HVIS_TRY(database_.prepare("SELECT document FROM operation ORDER BY created, rowid"));
    std::vector<Operation> operations;
    while (HVIS_TRY(rows.step())) {
        const auto json = control::parse_json(rows.text(0), kMaxDocumentBytes);
        if (auto operation = json ? operation_from_json(**json) : std::nullopt) {
            operations.push_back(*std::move(operation));
        }
    }
    return operations;
}

Result<void, Failure> OperationTable::remove(const Guid& id) {
    auto row = HVIS_TRY(database_.prepare("DELETE FROM operation WHERE id = ?"));
    return row.bind(1, id.to_string()).run();
}

}  // namespace hvis::manager
