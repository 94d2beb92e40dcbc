#include "worker/event_limit.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/event_log.h"

namespace hvis::worker {
namespace {

using control::EventId;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimePoint kStart(std::chrono::hours(100));
const std::array<std::string, 4> kServices = {"heartbeat", "shutdown", "timesync", "kvp"};

TEST(EventLimit, LetsFiftyReloadsAndTwentySwitchesThrough) {
    EventLimit limit;
    bool all = true;
    const auto happen = [&](EventId id, const std::string& service) {
        all = limit.allow(id, service, kStart) && all;
    };
    for (int reload = 0; reload < 50; ++reload) {
        for (const auto& service : kServices) {
            happen(EventId::kServiceDisconnected, service);
            happen(EventId::kServiceNegotiated, service);
        }
        happen(EventId::kTimeSynced, "timesync");
        happen(EventId::kKvpPushed, "kvp");
    }
    for (int cycle = 0; cycle < 20; ++cycle) {
        for (const auto& service : kServices) {
            happen(EventId::kServiceDisabled, service);
            happen(EventId::kServiceEnabled, service);
            happen(EventId::kServiceNegotiated, service);
        }
        happen(EventId::kTimeSynced, "timesync");
        happen(EventId::kKvpPushed, "kvp");
    }
    EXPECT_TRUE(all);
    EXPECT_FALSE(limit.report_due());
}

TEST(EventLimit, StopsAFloodOfOneKindAndNoOther) {
    EventLimit limit;
    uint32_t allowed = 0;
    for (int i = 0; i < 10'000; ++i) {
        allowed += limit.allow(EventId::kVmbusConnected, "vmbus", kStart) ? 1U : 0U;
    }
    EXPECT_EQ(allowed, EventLimit::kBurst);
    EXPECT_TRUE(limit.allow(EventId::kVmbusDisconnected, "vmbus", kStart));
    EXPECT_TRUE(limit.allow(EventId::kServiceNegotiated, "kvp", kStart));
}

TEST(EventLimit, LeavesRoomInTheLogWhateverAGuestFloods) {
    // Every event of a worker once for each service that it can be about.
    size_t kinds = 0;
    for (const auto& spec : control::event_table()) {
        if (spec.service == "manager") {
            continue;
        }
        kinds += spec.service == "*" ? kServices.size() : 1;
    }
    EXPECT_LT(kinds * EventLimit::kBurst, control::EventLog::kCapacity);
}

TEST(EventLimit, LetsMoreThroughAsTimeGoesBy) {
    EventLimit limit;
    TimePoint now = kStart;
    while (limit.allow(EventId::kVmReset, "machine", now)) {
    }
    now += EventLimit::kRefill - seconds(1);
    EXPECT_FALSE(limit.allow(EventId::kVmReset, "machine", now));
    now += seconds(1);
    EXPECT_TRUE(limit.allow(EventId::kVmReset, "machine", now));
    EXPECT_FALSE(limit.allow(EventId::kVmReset, "machine", now));
    now += std::chrono::hours(24);
    uint32_t allowed = 0;
    while (limit.allow(EventId::kVmReset, "machine", now)) {
        ++allowed;
    }
    EXPECT_EQ(allowed, EventLimit::kBurst) << "and no more, however long it was quiet";
}

TEST(EventLimit, TellsOnceHowManyWereSuppressed) {
    EventLimit limit;
    for (uint32_t i = 0; i < EventLimit::kBurst + 7; ++i) {
        (void)limit.allow(EventId::kServiceNegotiated, "kvp", kStart);
    }
    EXPECT_EQ(limit.report_due(), kStart + EventLimit::kReportInterval);
    EXPECT_THAT(limit.take_report(),
                ElementsAre(EventLimit::Suppressed{EventId::kServiceNegotiated, "kvp", 7}));
    EXPECT_FALSE(limit.report_due());
    EXPECT_THAT(limit.take_report(), IsEmpty());
}

}  // namespace
}  // namespace hvis::worker
