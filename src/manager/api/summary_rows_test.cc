#include "manager/api/summary_rows.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::Json;
using std::chrono::seconds;

const TimePoint kNow = std::chrono::steady_clock::now();

VmSummary stopped(const std::string& name, uint8_t number) {
    VmSummary summary;
    summary.definition.id.bytes[0] = number;
    summary.definition.name = name;
    summary.definition.memory = 64U << 20U;
    summary.state = "stopped";
    return summary;
}

VmSummary running(const std::string& name, uint8_t number, const Json& status) {
    VmSummary summary = stopped(name, number);
    summary.state = "running";
    summary.status = std::make_shared<const Json>(status);
    summary.status_at = kNow;
    return summary;
}

std::string text_of(const SummaryRow& row, TimePoint now = kNow) {
    std::string text;
    row.append_to(text, now);
    return text;
}

TEST(SummaryRow, IsTheSummaryAsText) {
    for (const VmSummary& summary :
         {stopped("a", 1), running("b", 2, {{"state", "running"}, {"name", "\xff\"}"}}),
          running("c", 3, {{"state", "running"}}), running("d", 4, Json::object())}) {
        const SummaryRow row(summary);
        EXPECT_EQ(Json::parse(text_of(row)), Json::parse(control::dump_json(summary_json(summary))))
            << summary.definition.name;
        EXPECT_EQ(text_of(row), text_of(row));
    }
}

TEST(SummaryRow, WritesTheUptimeAnew) {
    for (const Json& status :
         {Json{{"state", "running"}, {"uptime_ms", 2000}, {"vmbus_version", "5.3"}},
          Json{{"uptime_ms", 2000}}}) {
        const SummaryRow row(running("web", 1, status));
        for (const int passed : {0, 1, 90}) {
            Json expected = status;
            expected["uptime_ms"] = 2000 + passed * 1000;
            EXPECT_EQ(Json::parse(text_of(row, kNow + seconds(passed)))["status"], expected);
        }
    }
    VmSummary paused = running("web", 1, {{"uptime_ms", 2000}});
    paused.state = "paused";
    EXPECT_EQ(Json::parse(text_of(SummaryRow(paused), kNow + seconds(9)))["status"]["uptime_ms"],
              2000);
}

TEST(SummaryRows, KeepsTheRowsOfWhatHasNotChanged) {
    SummaryRows rows;
    const std::vector<VmSummary> before = {stopped("a", 1), running("b", 2, {{"uptime_ms", 2000}})};
    EXPECT_EQ(rows.of(before), rows.of(before));

    const auto changed = [&](const std::function<void(VmSummary&)>& change) {
        const auto kept = rows.of(before);
        auto after = before;
        change(after[1]);
        const auto list = rows.of(after);
        EXPECT_EQ(list[0], kept[0]);
        return list[1] != kept[1];
    };
    EXPECT_TRUE(changed([](VmSummary& vm) { vm.definition.description = "x"; }));
    EXPECT_TRUE(changed([](VmSummary& vm) { vm.state = "paused"; }));
    EXPECT_TRUE(changed([](VmSummary& vm) { vm.explanation = "why"; }));
    EXPECT_TRUE(changed([](VmSummary& vm) { vm.since = WallTime{}; }));
    EXPECT_TRUE(changed([](VmSummary& vm) { vm.status_at += seconds(1); }));
    EXPECT_TRUE(changed([](VmSummary& vm) { vm.status = nullptr; }));
    EXPECT_TRUE(
        changed([](VmSummary& vm) { vm.status = std::make_shared<const Json>(*vm.status); }));
}

TEST(SummaryRows, ForgetsVmsThatAreGone) {
    SummaryRows rows;
    const std::weak_ptr<const SummaryRow> gone = rows.of({stopped("a", 1), stopped("b", 2)})[0];
    EXPECT_FALSE(gone.expired());
    EXPECT_EQ(rows.of({stopped("b", 2)}).size(), 1U);
    EXPECT_TRUE(gone.expired());
}

TEST(SummaryRows, MakeOneListInTheirOrder) {
    SummaryRows rows;
    EXPECT_EQ(list_text({}, kNow), "{\"vms\":[]}\n");
    const Json list = Json::parse(list_text(rows.of({stopped("b", 2), stopped("a", 1)}), kNow));
    ASSERT_EQ(list["vms"].size(), 2U);
    EXPECT_EQ(list["vms"][0]["name"], "b");
    EXPECT_EQ(list["vms"][1]["name"], "a");
}

}  // namespace
}  // namespace hvis::manager
