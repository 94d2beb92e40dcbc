#include "manager/api/metrics.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

VmSummary vm(const std::string& name, const std::string& state, const std::string& status) {
    VmSummary summary;
    summary.definition.name = name;
    summary.definition.memory = 1048576;
    summary.state = state;
    if (!status.empty()) {
        summary.status = std::make_shared<const control::Json>(control::Json::parse(status));
    }
    return summary;
}

std::string text_of(VmSummary summary) {
    MetricsSnapshot snapshot;
    snapshot.vms = {std::move(summary)};
    snapshot.version = "1.2";
    snapshot.now = WallTime::from_system(std::chrono::system_clock::from_time_t(1'772'366'410));
    return metrics_text(snapshot);
}

constexpr const char* kId = "id=\"00000000-0000-0000-0000-000000000000\"";

TEST(Metrics, ShowsOneStateAndOneStatusAsOne) {
    const std::string text = text_of(vm(
        "web", "running",
        R"({"uptime_ms":1500,"exits":7,"services":[{"service":"kvp","enabled":true,"primary":"ok",
               "since":"2026-03-01T12:00:00.000Z"}]})"));
    const std::string labels = std::string("{vm=\"web\",") + kId;
    EXPECT_THAT(text, HasSubstr("hvis_vm_state" + labels + ",state=\"running\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("hvis_vm_state" + labels + ",state=\"stopped\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("hvis_vm_uptime_seconds" + labels + "} 1.5\n"));
    EXPECT_THAT(text, HasSubstr("hvis_vm_exits_total" + labels + "} 7\n"));
    EXPECT_THAT(text, HasSubstr("hvis_vm_memory_bytes" + labels + "} 1048576\n"));
    EXPECT_THAT(text, HasSubstr(labels + ",service=\"kvp\",status=\"ok\"} 1\n"));
    EXPECT_THAT(text, HasSubstr(labels + ",service=\"kvp\",status=\"degraded\"} 0\n"));
    EXPECT_THAT(
        text, HasSubstr("hvis_service_since_seconds" + labels + ",service=\"kvp\"} 1772366400\n"));
    EXPECT_THAT(text, HasSubstr("hvis_manager_info{version=\"1.2\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("# TYPE hvis_vm_exits_total counter\n"));
}

TEST(Metrics, ShowsWhatTheWorkerTellsOfHeartbeatAndClock) {
    const std::string text = text_of(vm("web", "running", R"({"clock_offset_ms":-250,
        "ring_bytes":{"in":10,"out":20},
        "heartbeat":{"last_answer":"2026-03-01T12:00:00.000Z",
                     "round_trip":{"le_ms":[1,10],"counts":[2,3,1],"sum_ms":40}}})"));
    EXPECT_THAT(text, HasSubstr("hvis_clock_offset_seconds"));
    EXPECT_THAT(text, HasSubstr("} -0.25\n"));
    EXPECT_THAT(text, HasSubstr("direction=\"out\"} 20\n"));
    EXPECT_THAT(text,
                HasSubstr("hvis_heartbeat_age_seconds{vm=\"web\"," + std::string(kId) + "} 10\n"));
    EXPECT_THAT(text, HasSubstr("le=\"0.001\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("le=\"+Inf\"} 6\n"));
    EXPECT_THAT(text, HasSubstr("hvis_heartbeat_round_trip_seconds_count"));
}

TEST(Metrics, LeavesOutWhatIsNotKnownOrMakesNoSense) {
    const std::string stopped = text_of(vm("web", "stopped", ""));
    EXPECT_THAT(stopped, Not(HasSubstr("hvis_vm_uptime_seconds")));
    EXPECT_THAT(stopped, Not(HasSubstr("hvis_service_status")));
    for (const char* status :
         {"[]", "1", R"({"services":{}})", R"({"services":[1,null,"x"]})", R"({"heartbeat":[]})",
          R"({"uptime_ms":"x"})",
          R"({"heartbeat":{"round_trip":{"le_ms":[1],"counts":[1],"sum_ms":1}}})",
          R"({"heartbeat":{"round_trip":{"le_ms":["a"],"counts":[1,2],"sum_ms":1}}})",
          R"({"heartbeat":{"last_answer":"yesterday"}})"}) {
        const std::string text = text_of(vm("web", "running", status));
        EXPECT_THAT(text, Not(HasSubstr("hvis_heartbeat_"))) << status;
        EXPECT_THAT(text, HasSubstr("hvis_vms 1\n"));
    }
}

}  // namespace
}  // namespace hvis::manager
