#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/guid.h"
#include "control/json.h"
#include "manager/supervisor/vm_summary.h"

namespace hvis::manager {

/// {"id","name","state","since"?,"explanation","definition","status"?}
control::Json summary_json(const VmSummary& summary);

/// A summary with its text, which is made when it is first asked for and then kept: only the uptime
/// is written anew. Any thread.
class SummaryRow {
public:
    explicit SummaryRow(VmSummary summary) : summary_(std::move(summary)) {}

    [[nodiscard]] const VmSummary& summary() const { return summary_; }
    /// Appends summary_json() as text; `now` is for the uptime.
    void append_to(std::string& text, TimePoint now) const;

private:
    void render() const;

    VmSummary summary_;
    mutable std::once_flag rendered_;
    mutable std::string head_;  ///< all but the uptime and what closes it
    mutable bool has_uptime_ = false;
};

/// The rows of the list of all VMs, kept from one request to the next: with thousands of VMs, few
/// have changed. Manager thread.
class SummaryRows {
public:
    using Row = std::shared_ptr<const SummaryRow>;

    /// A row for each summary, in their order: the one of last time where nothing has changed.
    /// Those of VMs that are not among them are forgotten.
    std::vector<Row> of(std::vector<VmSummary> summaries);

private:
    std::map<Guid, Row> rows_;
};

/// {"vms":[…]} with a line's end.
std::string list_text(const std::vector<SummaryRows::Row>& rows, TimePoint now);

}  // namespace hvis::manager
