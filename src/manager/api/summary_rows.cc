#include "manager/api/summary_rows.h"

#include <nlohmann/json.hpp>

#include "control/time_text.h"

namespace hvis::manager {
namespace {

/// Whether both come to the same text but for the uptime. A worker's status is replaced, never
/// changed, and what it counts from goes with it.
bool is_same(const VmSummary& left, const VmSummary& right) {
    return left.status == right.status && left.status_at == right.status_at &&
           left.state == right.state && left.since == right.since &&
           left.explanation == right.explanation && left.definition == right.definition;
}

}  // namespace

control::Json summary_json(const VmSummary& summary) {
    control::Json value = {{"id", summary.definition.id.to_string()},
                           {"name", summary.definition.name},
                           {"state", summary.state},
                           {"explanation", summary.explanation},
                           {"definition", to_json(summary.definition)}};
    if (summary.since) {
        value["since"] = control::time_text(*summary.since);
    }
    if (summary.status != nullptr) {
        value["status"] = *summary.status;
        if (const auto uptime = summary.uptime(std::chrono::steady_clock::now())) {
            value["status"]["uptime_ms"] = uptime->count();
        }
    }
    return value;
}

void SummaryRow::render() const {
    control::Json value = summary_json(summary_);
    has_uptime_ = summary_.uptime({}).has_value();
    if (!has_uptime_) {
        head_ = control::dump_json(value);
        return;
    }
    control::Json status = std::move(value["status"]);
    value.erase("status");
    status.erase("uptime_ms");
    head_ = control::dump_json(value);
    head_.back() = ',';
    head_ += "\"status\":" + control::dump_json(status);
    if (status.empty()) {
        head_.pop_back();
    } else {
        head_.back() = ',';
    }
    head_ += "\"uptime_ms\":";
}

void SummaryRow::append_to(std::string& text, TimePoint now) const {
    std::call_once(rendered_, [this] { render(); });
    text += head_;
    if (has_uptime_) {
        text += std::to_string(summary_.uptime(now)->count()) + "}}";
    }
}

std::vector<SummaryRows::Row> SummaryRows::of(std::vector<VmSummary> summaries) {
    std::vector<Row> list;
    list.reserve(summaries.size());
    std::map<Guid, Row> kept;
    for (VmSummary& summary : summaries) {
        const auto known = rows_.find(summary.definition.id);
        const bool same = known != rows_.end() && is_same(known->second->summary(), summary);
        list.push_back(same ? known->second : std::make_shared<SummaryRow>(std::move(summary)));
        kept.emplace(list.back()->summary().definition.id, list.back());
    }
    rows_ = std::move(kept);
    return list;
}

std::string list_text(const std::vector<SummaryRows::Row>& rows, TimePoint now) {
    std::string text = "{\"vms\":[";
    for (const SummaryRows::Row& row : rows) {
        if (row != rows.front()) {
            text += ',';
        }
        row->append_to(text, now);
    }
    return text + "]}\n";
}

}  // namespace hvis::manager
