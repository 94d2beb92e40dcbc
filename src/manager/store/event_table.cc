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

/// How a query goes through the log: by one index, in the order of the numbers, and between two of
/// them.
struct Walk {
    const char* index;  ///< SQLite's words
    std::string only;   ///< what the index has alone
    bool is_whole;      ///< the index has what the filter wants and nothing else
    int64_t since;
    int64_t before;
};

bool wants_severity(const EventFilter& filter) {
    return filter.at_least != control::Severity::kInfo;
}

Walk walk_of(const EventFilter& filter) {
    // Numbers end where SQLite's do.
    const auto number = [](uint64_t value) {
        return static_cast<int64_t>(std::min<uint64_t>(value, INT64_MAX));
    };
    const bool more = filter.from || filter.until || !filter.service.empty() || !filter.ids.empty();
    Walk walk{.index = " NOT INDEXED",
              .only = {},
              .is_whole = !more,
              .since = number(filter.since),
              .before = number(filter.before.value_or(INT64_MAX))};
    if (filter.vm) {
        walk.index = " INDEXED BY event_of_vm";
        walk.only = " AND vm = ?2";
        walk.is_whole = !more && !wants_severity(filter);
    } else if (wants_severity(filter)) {
        walk.index = " INDEXED BY event_of_concern";
        walk.only = " AND severity >= 1";
        walk.is_whole = !more && filter.at_least == control::Severity::kWarning;
    }
    return walk;
}

/// The conditions that the index does not decide; texts of callers are bound, never written into
/// the statement.
std::string where_clause(const EventFilter& filter) {
    std::string sql;
    if (filter.from) {
        sql += " AND time >= ?3";
    }
    if (filter.until) {
        sql += " AND time <= ?4";
    }
    if (wants_severity(filter)) {
        sql += " AND severity >= " + std::to_string(std::to_underlying(filter.at_least));
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

std::string from_clause(const Walk& walk) {
    return std::string(" FROM event") + walk.index + " WHERE sequence >= ?1 AND sequence < ?7" +
           walk.only;
}

std::string order_clause(const EventFilter& filter) {
    return filter.newest ? " ORDER BY sequence DESC" : " ORDER BY sequence ASC";
}

void bind_walk(Statement& statement, const EventFilter& filter, const Walk& walk) {
    statement.bind(1, walk.since);
    statement.bind(7, walk.before);
    if (filter.vm) {
        statement.bind(2, filter.vm->to_string());
    }
}

/// Ends the walk after kMaxExamined events. The number of the one that is next then.
Result<std::optional<uint64_t>, Failure> shorten(Database& database, const EventFilter& filter,
                                                 Walk& walk) {
    if (walk.is_whole) {
        return std::nullopt;  // The limit of the query ends it.
    }
    auto rows =
        HVIS_TRY(database.prepare("SELECT sequence" + from_clause(walk) + order_clause(filter) +
                                  " LIMIT 1 OFFSET " + std::to_string(EventFilter::kMaxExamined)));
    bind_walk(rows, filter, walk);
    if (!HVIS_TRY(rows.step())) {
        return std::nullopt;
    }
    const int64_t beyond = rows.integer(0);
    if (filter.newest) {
        walk.since = beyond + 1;
        return static_cast<uint64_t>(walk.since);
    }
    walk.before = beyond;
    return static_cast<uint64_t>(beyond);
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

Result<EventPage, Failure> EventTable::query(const EventFilter& filter) {
    Walk walk = walk_of(filter);
    EventPage page;
    page.next = HVIS_TRY(shorten(database_, filter, walk));
    const uint32_t limit = std::min(filter.limit, EventFilter::kMaxLimit);
    auto rows = HVIS_TRY(database_.prepare(
        "SELECT sequence, time, vm, vm_name, id, name, severity, service, text, fields" +
        from_clause(walk) + where_clause(filter) + order_clause(filter) + " LIMIT ?6"));
    bind_walk(rows, filter, walk);
    rows.bind(6, int64_t{limit});
    if (filter.from) {
        rows.bind(3, to_column(*filter.from));
    }
    if (filter.until) {
        rows.bind(4, to_column(*filter.until));
    }
    if (!filter.service.empty()) {
        rows.bind(5, filter.service);
    }
    while (HVIS_TRY(rows.step())) {
        page.events.push_back(event_at(rows));
    }
    if (!page.events.empty() && page.events.size() == limit) {
        const uint64_t last = page.events.back().sequence;
        page.next = filter.newest ? last : last + 1;
    }
    if (filter.newest) {
        std::ranges::reverse(page.events);
    }
    return page;
}

Result<uint64_t, Failure> EventTable::trim(uint64_t keep, WallTime before, uint64_t limit) {
    const uint64_t present = HVIS_TRY(count());
    const uint64_t beyond = present > keep ? present - keep : 0;
    auto rows = HVIS_TRY(database_.prepare(
        "DELETE FROM event WHERE sequence IN (SELECT sequence FROM (SELECT sequence, time, "
        "row_number() OVER (ORDER BY sequence) AS place FROM (SELECT sequence, time FROM event "
        "ORDER BY sequence LIMIT ?3)) WHERE place <= ?1 OR time < ?2)"));
    HVIS_CHECK(rows.bind(1, static_cast<int64_t>(std::min<uint64_t>(beyond, INT64_MAX)))
                   .bind(2, to_column(before))
                   .bind(3, static_cast<int64_t>(std::min<uint64_t>(limit, INT64_MAX)))
                   .run());
    const auto removed = static_cast<uint64_t>(database_.changes());
    counted_ -= removed;
    return removed;
}

Result<uint64_t, Failure> EventTable::count() {
    const uint64_t newest = HVIS_TRY(last());
    auto rows = HVIS_TRY(
        database_.prepare("SELECT count(*) FROM event WHERE sequence > ?1 AND sequence <= ?2"));
    rows.bind(1, static_cast<int64_t>(counted_to_)).bind(2, static_cast<int64_t>(newest));
    HVIS_CHECK(rows.step());
    counted_ += static_cast<uint64_t>(rows.integer(0));
    counted_to_ = newest;
    return counted_;
}

Result<uint64_t, Failure> EventTable::first() {
    return static_cast<uint64_t>(
        HVIS_TRY(database_.number("SELECT coalesce(min(sequence), 0) FROM event")));
}

Result<uint64_t, Failure> EventTable::last() {
    return static_cast<uint64_t>(
        HVIS_TRY(database_.number("SELECT seq FROM sqlite_sequence WHERE name = 'event'")));
}

Result<void, Failure> EventTable::go_on_behind(uint64_t number) {
    // SQLite has no row for a table that never had one, and no key that would tell.
    HVIS_CHECK(database_.execute("DELETE FROM sqlite_sequence WHERE name = 'event'"));
    auto row =
        HVIS_TRY(database_.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('event', ?1)"));
    return row.bind(1, static_cast<int64_t>(number)).run();
}

}  // namespace hvis::manager
