#include "manager/store/event_table.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "manager/store/columns.h"

namespace hvis::manager {
namespace {

constexpr size_t kMaxFieldsBytes = size_t{1} << 20U;

/// A list of pairs, not an object: the order of the fields is kept.
std::string fields_text(const control::EventFields& fields) {
    control::Json list = control::Json::array();
    for (const auto& [name, value] : fields) {
        list.push_back(control::Json::array({name, value}));
    }
    return control::dump_json(list);
}

control::EventFields fields_from(const std::string& text) {
    control::EventFields fields;
    const auto list = control::parse_json(text, kMaxFieldsBytes);
    if (!list || !(*list)->is_array()) {
        return fields;
    }
    for (const auto& pair : **list) {
        if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string()) {
            fields.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
        }
    }
    return fields;
}

StoredEvent event_at(const Statement& row) {
    StoredEvent event{.sequence = static_cast<uint64_t>(row.integer(0)),
                      .time = time_from_column(row.integer(1)),
                      .vm = {},
                      .vm_name = row.text(3),
                      .id = static_cast<uint16_t>(row.integer(4)),
                      .name = row.text(5),
                      .severity = static_cast<control::Severity>(row.integer(6)),
                      .service = row.text(7),
                      .text = row.text(8),
                      .fields = fields_from(row.text(9))};
    if (!row.is_null(2)) {
        event.vm = guid_at(row, 2);
    }
    return event;
}

/// The conditions of a filter; texts of callers are bound, never written into the statement.
std::string where_clause(const EventFilter& filter) {
    std::string sql = " WHERE sequence >= ?1";
    if (filter.vm) {
        sql += " AND vm = ?2";
    }
    if (filter.from) {
        sql += " AND time >= ?3";
    }
    if (filter.until) {
        sql += " AND time <= ?4";
    }
    if (filter.at_least != control::Severity::kInfo) {
        // The first term is the index's own: without it the index would not be used.
        sql += " AND severity >= 1 AND severity >= " +
               std::to_string(std::to_underlying(filter.at_least));
    }
    if (!filter.service.empty()) {
        sql += " AND service = ?5";
    }
    if (!filter.ids.empty()) {
        sql += " AND id IN (";
        for (const uint16_t id : filter.ids) {
            sql += std::to_string(id) + ',';
        }
        sql.back() = ')';
    }
    return sql;
}

}  // namespace

Result<void, Failure> EventTable::append(std::vector<StoredEvent>& events) {
    if (!insert_) {
        insert_ = HVIS_TRY(database_.prepare(
            "INSERT INTO event (time, vm, vm_name, id, name, severity, service, text, fields) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
    }
    for (StoredEvent& event : events) {
        event.vm ? insert_->bind(2, event.vm->to_string()) : insert_->bind_null(2);
        HVIS_CHECK(insert_->bind(1, to_column(event.time))
                       .bind(3, event.vm_name)
                       .bind(4, int64_t{event.id})
                       .bind(5, event.name)
                       .bind(6, int64_t{std::to_underlying(event.severity)})
                       .bind(7, event.service)
                       .bind(8, event.text)
                       .bind(9, fields_text(event.fields))
                       .run());
        event.sequence = static_cast<uint64_t>(database_.last_insert_id());
    }
    return {};
}

Result<std::vector<StoredEvent>, Failure> EventTable::query(const EventFilter& filter) {
    const std::string order = filter.newest ? " DESC" : " ASC";
    auto rows = HVIS_TRY(database_.prepare(
        "SELECT sequence, time, vm, vm_name, id, name, severity, service, text, fields FROM event" +
        where_clause(filter) + " ORDER BY sequence" + order + " LIMIT ?6"));
    // Numbers end where SQLite's do.
    rows.bind(1, static_cast<int64_t>(std::min<uint64_t>(filter.since, INT64_MAX)));
    rows.bind(6, int64_t{std::min(filter.limit, EventFilter::kMaxLimit)});
    if (filter.vm) {
        rows.bind(2, filter.vm->to_string());
    }
    if (filter.from) {
        rows.bind(3, to_column(*filter.from));
    }
    if (filter.until) {
        rows.bind(4, to_column(*filter.until));
    }
    if (!filter.service.empty()) {
        rows.bind(5, filter.service);
    }
    std::vector<StoredEvent> events;
    while (HVIS_TRY(rows.step())) {
        events.push_back(event_at(rows));
    }
    if (filter.newest) {
        std::ranges::reverse(events);
    }
    return events;
}

Result<uint64_t, Failure> EventTable::trim(uint64_t keep, WallTime before, uint64_t limit) {
    const uint64_t newest = HVIS_TRY(last());
    const uint64_t beyond = newest > keep ? newest - keep : 0;
    auto rows = HVIS_TRY(database_.prepare(
        "DELETE FROM event WHERE sequence IN (SELECT sequence FROM (SELECT sequence, time FROM "
        "event ORDER BY sequence LIMIT ?3) WHERE sequence <= ?1 OR time < ?2)"));
    HVIS_CHECK(rows.bind(1, static_cast<int64_t>(beyond))
                   .bind(2, to_column(before))
                   .bind(3, static_cast<int64_t>(std::min<uint64_t>(limit, INT64_MAX)))
                   .run());
    return static_cast<uint64_t>(database_.changes());
}

Result<uint64_t, Failure> EventTable::first() {
    return static_cast<uint64_t>(
        HVIS_TRY(database_.number("SELECT coalesce(min(sequence), 0) FROM event")));
}

Result<uint64_t, Failure> EventTable::last() {
    return static_cast<uint64_t>(
        HVIS_TRY(database_.number("SELECT seq FROM sqlite_sequence WHERE name = 'event'")));
}

}  // namespace hvis::manager
