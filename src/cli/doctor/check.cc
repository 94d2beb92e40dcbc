#include "cli/doctor/check.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/table.h"

namespace hvis::cli {
namespace {

constexpr std::array<std::string_view, 3> kStateWords = {"ok", "warning", "missing"};

std::string word_of(CheckState state) {
    return std::string(kStateWords[std::to_underlying(state)]);
}

}  // namespace

CheckState worst_of(const std::vector<Check>& checks) {
    CheckState worst = CheckState::kOk;
    for (const Check& check : checks) {
        worst = std::max(worst, check.state);
    }
    return worst;
}

Json checks_document(const std::vector<Check>& checks) {
    Json list = Json::array();
    for (const Check& check : checks) {
        list.push_back({{"name", check.name},
                        {"state", word_of(check.state)},
                        {"finding", check.finding},
                        {"fix", check.fix}});
    }
    return {{"state", word_of(worst_of(checks))}, {"checks", std::move(list)}};
}

std::string checks_text(const std::vector<Check>& checks) {
    std::vector<Row> rows = {{"CHECK", "STATE", "FINDING"}};
    for (const Check& check : checks) {
        rows.push_back({check.name, word_of(check.state), printable(check.finding)});
        if (!check.fix.empty()) {
            rows.push_back({"", "", "-> " + printable(check.fix)});
        }
    }
    return table_text(rows);
}

}  // namespace hvis::cli
