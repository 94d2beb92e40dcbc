#include "worker/probe_report.h"

#include <algorithm>
#include <system_error>

#include <nlohmann/json.hpp>

#include "base/table.h"
#include "control/json.h"

namespace hvis::worker {
namespace {

using control::Json;

std::string error_text(const Error& error) {
    const std::string text(error.what);
    return error.os_error == 0 ? text
                               : text + ": " + std::generic_category().message(error.os_error);
}

}  // namespace

bool is_fit(const kvm::Probe& probe) {
    const bool complete = std::ranges::all_of(probe.capabilities, [](const auto& finding) {
        return finding.present || !finding.capability->needed;
    });
    return complete && !probe.processor_error;
}

std::string probe_json(const kvm::Probe& probe) {
    Json list = Json::array();
    for (const auto& finding : probe.capabilities) {
        list.push_back({{"name", finding.capability->name},
                        {"since", finding.capability->since},
                        {"needed", finding.capability->needed},
                        {"present", finding.present}});
    }
    Json report = {{"capabilities", std::move(list)}, {"processor", !probe.processor_error}};
    if (probe.processor_error) {
        report["processor_error"] = error_text(*probe.processor_error);
    }
    return control::dump_json_indented(report) + "\n";
}

std::string probe_text(const kvm::Probe& probe) {
    std::vector<Row> rows = {{"CAPABILITY", "PRESENT", "NEEDED", "SINCE"}};
    for (const auto& [capability, present] : probe.capabilities) {
        rows.push_back({std::string(capability->name), present ? "yes" : "no",
                        capability->needed ? "yes" : "no",
                        "Linux " + std::string(capability->since)});
    }
    const std::string processor = probe.processor_error ? error_text(*probe.processor_error)
                                                        : "a virtual processor with SynIC is made";
    return table_text(rows) + "\n" + processor + "\n";
}

}  // namespace hvis::worker
