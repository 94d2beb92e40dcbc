#include "worker/event_recorder.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

using control::EventId;

TEST(EventRecorder, SaysAtTheEndWhatItHeldBack) {
    const auto loop = *loop::Loop::create();
    control::EventLog log;
    EventRecorder recorder(*loop, log);
    for (uint32_t i = 0; i < EventLimit::kBurst + 10; ++i) {
        recorder.record(EventId::kServiceDisconnected, {{"service", "kvp"}});
    }
    EXPECT_LE(log.since(1, 4096).size(), EventLimit::kBurst + 1) << "one may have come in since";
    recorder.report();
    const auto events = log.since(1, 4096);
    ASSERT_EQ(events.back().id, EventId::kEventsSuppressed);
    EXPECT_EQ(control::event_service(events.back()), "kvp");
    EXPECT_EQ(events.back().fields.at(2).second, "service_disconnected");
    const auto recorded =
        std::ranges::count(events, EventId::kServiceDisconnected, &control::Event::id);
    EXPECT_EQ(std::stoul(events.back().fields.at(1).second),
              EventLimit::kBurst + 10 - static_cast<unsigned long>(recorded));
}

}  // namespace
}  // namespace hvis::worker
