#include "manager/store/vm_table.h"

#include <nlohmann/json.hpp>

#include "manager/store/columns.h"

namespace hvis::manager {
namespace {

/// Longest stored definition that is read; ours are far below.
constexpr size_t kMaxDefinitionBytes = size_t{1} << 20U;

Result<VmDefinition, Failure> definition_at(const Statement& row, int column,
                                            const std::string& name) {
    const auto damaged = [&](const control::FieldError& error) {
        return control::make_failure(
            control::ErrorCode::kFailed,
            "the stored definition of VM " + name + " cannot be read: " + error.to_string(),
            "it was written by another version, or by hand; `hvisd --restore` a backup, or mend "
            "the row with sqlite3");
    };
    const auto json = control::parse_json(row.text(column), kMaxDefinitionBytes);
    if (!json) {
        return std::unexpected(damaged(json.error()));
    }
    auto definition = parse_definition(**json);
    if (!definition) {
        return std::unexpected(damaged(definition.error()));
    }
    return *std::move(definition);
}

}  // namespace

Result<std::vector<VmRecord>, Failure> VmTable::load() {
    auto rows = HVIS_TRY(database_.prepare(
        "SELECT name, definition, wanted_running, restart_attempts, run, next_event FROM vm "
        "LEFT JOIN (SELECT vm, run, next_event, max(number) FROM worker_run GROUP BY vm) "
        "ON vm = vm.id ORDER BY name"));
    std::vector<VmRecord> records;
    while (HVIS_TRY(rows.step())) {
        VmRecord record;
        record.definition = HVIS_TRY(definition_at(rows, 1, rows.text(0)));
        record.wanted_running = rows.integer(2) != 0;
        record.restart_attempts = static_cast<uint32_t>(rows.integer(3));
        if (!rows.is_null(4)) {
            record.run = guid_at(rows, 4);
            record.next_event = static_cast<uint64_t>(rows.integer(5));
        }
        records.push_back(std::move(record));
    }
    return records;
}

Result<void, Failure> VmTable::save_definition(const VmDefinition& definition) {
    const std::string id = definition.id.to_string();
    auto other = HVIS_TRY(database_.prepare("SELECT 1 FROM vm WHERE name = ? AND id <> ?"));
    if (HVIS_TRY(other.bind(1, definition.name).bind(2, id).step())) {
        auto failure = control::make_failure(
            control::ErrorCode::kFailed, "there is another VM of the name " + definition.name,
            "choose another name, or rename or delete the other VM");
        failure.pointer = "/name";
        return std::unexpected(std::move(failure));
    }
    auto row = HVIS_TRY(database_.prepare(
        "INSERT INTO vm (id, name, definition) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name, definition = excluded.definition"));
    return row.bind(1, id)
        .bind(2, definition.name)
        .bind(3, control::dump_json(to_json(definition)))
        .run();
}

Result<void, Failure> VmTable::save_wish(const Guid& vm, bool wanted_running,
                                         uint32_t restart_attempts) {
    auto row = HVIS_TRY(database_.prepare(
        "UPDATE vm SET wanted_running = ?2, restart_attempts = ?3 WHERE id = ?1"));
    return row.bind(1, vm.to_string())
        .bind(2, static_cast<int64_t>(wanted_running))
        .bind(3, static_cast<int64_t>(restart_attempts))
        .run();
}

Result<void, Failure> VmTable::remove(const Guid& vm) {
    auto row = HVIS_TRY(database_.prepare("DELETE FROM vm WHERE id = ?"));
    return row.bind(1, vm.to_string()).run();
}

Result<std::optional<uint64_t>, Failure> VmTable::next_event_of(const Guid& vm, const Guid& run) {
    auto row =
        HVIS_TRY(database_.prepare("SELECT next_event FROM worker_run WHERE vm = ? AND run = ?"));
    if (!HVIS_TRY(row.bind(1, vm.to_string()).bind(2, run.to_string()).step())) {
        return std::optional<uint64_t>();
    }
    return std::optional(static_cast<uint64_t>(row.integer(0)));
}

Result<void, Failure> VmTable::move_cursor(const Store::Cursor& cursor) {
    const std::string vm = cursor.vm.to_string();
    const std::string run = cursor.run.to_string();
    const auto next = static_cast<int64_t>(cursor.next_event);
    auto known = HVIS_TRY(
        database_.prepare("UPDATE worker_run SET next_event = ?3 WHERE vm = ?1 AND run = ?2"));
    HVIS_CHECK(known.bind(1, vm).bind(2, run).bind(3, next).run());
    if (database_.changes() != 0) {
        return {};
    }
    // A VM that was removed in the meantime has no row that this could belong to.
    auto fresh =
        HVIS_TRY(database_.prepare("INSERT INTO worker_run (vm, run, next_event) "
                                   "SELECT id, ?2, ?3 FROM vm WHERE id = ?1"));
    HVIS_CHECK(fresh.bind(1, vm).bind(2, run).bind(3, next).run());
    auto old = HVIS_TRY(database_.prepare(
        "DELETE FROM worker_run WHERE vm = ?1 AND number <= (SELECT number FROM worker_run "
        "WHERE vm = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)"));
    return old.bind(1, vm).bind(2, kRunsKept).run();
}

}  // namespace hvis::manager
