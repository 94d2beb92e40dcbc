#include "manager/api/metrics.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr TimePoint kTaken{std::chrono::seconds(1000)};

VmSummary vm(const std::string& name, const std::string& state, const std::string& status) {
    VmSummary summary;
    summary.definition.name = name;
    summary.definition.memory = 1048576;
    summary.state = state;
    if (!status.empty()) {
        summary.status = std::make_shared<const control::Json>(control::Json::parse(status));
        summary.status_at = kTaken - std::chrono::seconds(3);
    }
    return summary;
}

std::string text_of(VmSummary summary, const std::string& stats = {}) {
    MetricsSnapshot snapshot;
    snapshot.taken = kTaken;
    if (!stats.empty()) {
        snapshot.stats[summary.definition.id] = {
            .stats = std::make_shared<const control::Json>(control::Json::parse(stats)),
            .at = snapshot.taken - std::chrono::seconds(5)};
    }
    snapshot.vms = {std::move(summary)};
    snapshot.version = "1.2";
    return metrics_text(snapshot);
}

constexpr const char* kId = "id=\"00000000-0000-0000-0000-000000000000\"";

TEST(Metrics, ShowsOneStateAndOneStatusAsOne) {
    const std::string text =
        text_of(vm("web", "running",
                   R"({"uptime_ms":1500,"services":[{"service":"kvp","enabled":true,"primary":"ok",
               "since":"2026-03-01T12:00:00.000Z"}]})"));
    const std::string labels = std::string("{vm=\"web\",") + kId;
    EXPECT_THAT(text, HasSubstr("hvis_vm_state" + labels + ",state=\"running\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("hvis_vm_state" + labels + ",state=\"stopped\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("hvis_vm_uptime_seconds" + labels + "} 4.5\n"));
    EXPECT_THAT(text, HasSubstr("hvis_vm_memory_bytes" + labels + "} 1048576\n"));
    EXPECT_THAT(text, HasSubstr(labels + ",service=\"kvp\",status=\"ok\"} 1\n"));
    EXPECT_THAT(text, HasSubstr(labels + ",service=\"kvp\",status=\"degraded\"} 0\n"));
    EXPECT_THAT(
        text, HasSubstr("hvis_service_since_seconds" + labels + ",service=\"kvp\"} 1772366400\n"));
    EXPECT_THAT(text, HasSubstr("hvis_manager_info{version=\"1.2\"} 1\n"));
}

TEST(Metrics, CallNoServiceOfAnUnreachableVmWell) {
    const std::string text =
        text_of(vm("web", "unreachable",
                   R"({"services":[{"service":"kvp","enabled":true,"primary":"ok"},
               {"service":"timesync","enabled":false,"primary":"disabled"}]})"));
    const std::string labels = std::string("hvis_service_status{vm=\"web\",") + kId + ",service=";
    EXPECT_THAT(text, HasSubstr(labels + "\"kvp\",status=\"ok\"} 0\n"));
    EXPECT_THAT(text, HasSubstr(labels + "\"kvp\",status=\"lost_communication\"} 1\n"));
    EXPECT_THAT(text, HasSubstr(labels + "\"timesync\",status=\"disabled\"} 1\n"));
}

TEST(Metrics, ShowsWhatTheWorkersCounted) {
    const std::string text = text_of(vm("web", "running", "{}"), R"({
        "exits":{"io":7},"counters":{"kvp.bytes_sent":20,"kvp.packets_received":3,"other":1},
        "clock":{"offset_us":-250000},
        "heartbeat":{"age_ms":10000,"round_trip":{"buckets":[{"up_to_us":1000,"count":2},
            {"up_to_us":10000,"count":3},{"count":1}],"sum_us":40}}})");
    const std::string labels = std::string("{vm=\"web\",") + kId;
    EXPECT_THAT(text, HasSubstr("hvis_clock_offset_seconds" + labels + "} -0.25\n"));
    EXPECT_THAT(text, HasSubstr(labels + ",service=\"kvp\",direction=\"sent\"} 20\n"));
    EXPECT_THAT(text, HasSubstr("hvis_ring_packets_total" + labels));
    EXPECT_THAT(text, HasSubstr("hvis_vm_exits_total" + labels + ",reason=\"io\"} 7\n"));
    EXPECT_THAT(text, HasSubstr("hvis_heartbeat_age_seconds" + labels + "} 15\n"));
    EXPECT_THAT(text, HasSubstr("le=\"0.001\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("le=\"+Inf\"} 6\n"));
    EXPECT_THAT(text, HasSubstr("hvis_heartbeat_round_trip_seconds_count"));
    EXPECT_THAT(text, HasSubstr("# TYPE hvis_vm_exits_total counter\n"));
}

TEST(Metrics, KeepsTheAgeOfAGuestThatAnswersShort) {
    const std::string text =
        text_of(vm("web", "running", "{}"), R"({"heartbeat":{"age_ms":1500}})");
    EXPECT_THAT(text,
                HasSubstr(std::string("hvis_heartbeat_age_seconds{vm=\"web\",") + kId + "} 1.5\n"));
}

TEST(Metrics, LeavesOutWhatIsNotKnownOrMakesNoSense) {
    const std::string stopped = text_of(vm("web", "stopped", ""));
    EXPECT_THAT(stopped, Not(HasSubstr("hvis_vm_uptime_seconds")));
    EXPECT_THAT(stopped, Not(HasSubstr("hvis_service_status")));
    for (const char* odd :
         {"[]", "1", R"({"services":{}})", R"({"services":[1,null,"x"]})", R"({"heartbeat":[]})",
          R"({"uptime_ms":"x"})", R"({"heartbeat":{"age_ms":"x"}})",
          R"({"heartbeat":{"round_trip":{"buckets":[{"count":1,"up_to_us":1}],"sum_us":1}}})",
          R"({"heartbeat":{"round_trip":{"buckets":[{"count":1},{"count":1}],"sum_us":1}}})",
          R"({"heartbeat":{"round_trip":{"buckets":[1,{"count":-1}],"sum_us":1}}})",
          R"({"exits":{"io":"x"},"counters":[],"clock":1})"}) {
        const std::string text = text_of(vm("web", "running", odd), odd);
        EXPECT_THAT(text, Not(HasSubstr("hvis_heartbeat_"))) << odd;
        EXPECT_THAT(text, Not(HasSubstr("hvis_vm_exits_total{"))) << odd;
        EXPECT_THAT(text, HasSubstr("hvis_vms 1\n"));
    }
}

}  // namespace
}  // namespace hvis::manager
