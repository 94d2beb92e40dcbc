#include "cli/event_table.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/table.h"
#include "control/events.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::text_at;

Row heading() { return {"NUMBER", "TIME", "SEVERITY", "VM", "SERVICE", "EVENT", "TEXT"}; }

Row row_of(const Json& event) {
    const std::string vm = text_at(event, "vm_name");
    return {text_at(event, "sequence"), text_at(event, "time"),
            text_at(event, "severity"), vm.empty() ? "-" : vm,
            text_at(event, "service"),  text_at(event, "id") + " " + text_at(event, "name"),
            text_at(event, "text")};
}

std::string spread(const Row& row) {
    constexpr std::array<size_t, 7> kWidths = {6, 24, 8, 12, 9, 28, 0};
    std::string line;
    for (size_t column = 0; column < row.size(); ++column) {
        const std::string& cell = row[column];
        const size_t width = kWidths.at(column);
        const bool last = column + 1 == row.size();
        line +=
            cell + std::string(width - std::min(width, cell.size()), ' ') + (last ? "\n" : "  ");
    }
    return line;
}

}  // namespace

std::optional<std::string> event_number(const std::string& text) {
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    for (const control::EventSpec& spec : control::event_table()) {
        if (std::string number = std::to_string(std::to_underlying(spec.id));
            text == number || text == spec.name) {
            return number;
        }
    }
    // A newer hvisd may have kinds that are not known here.
    return digits && text.size() <= 5 ? std::optional(text) : std::nullopt;
}

std::string events_text(const Json& list) {
    std::vector<Row> rows = {heading()};
    if (const Json& events = control::member_of(list, "events"); events.is_array()) {
        for (const Json& event : events) {
            rows.push_back(row_of(event));
        }
    }
    return table_text(rows);
}

std::string events_heading() { return spread(heading()); }

std::string event_line(const Json& event) { return spread(row_of(event)); }

}  // namespace hvis::cli
