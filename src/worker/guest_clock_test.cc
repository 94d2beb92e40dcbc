#include "worker/guest_clock.h"

#include <gtest/gtest.h>

#include "device/power/power.h"
#include "vm/ports.h"

namespace hvis::worker {
namespace {

using std::chrono::seconds;

constexpr TimePoint kStart(std::chrono::hours(100));

TEST(GuestClock, StandsStillWhilePaused) {
    GuestClock clock;
    EXPECT_EQ(clock.at(kStart), kStart);
    clock.stop(kStart + seconds(1));
    clock.stop(kStart + seconds(5));
    clock.go_on(kStart + seconds(61));
    clock.go_on(kStart + seconds(70));
    EXPECT_EQ(clock.at(kStart + seconds(61)), kStart + seconds(1));
    EXPECT_EQ(clock.at(kStart + seconds(62)), kStart + seconds(2));
}

TEST(GuestClock, HidesAPauseFromThePowerManagementTimer) {
    GuestClock clock;
    TimePoint host = kStart;
    device::Power power([](vm::StopReason) {}, [&] { return clock.at(host); });
    const auto timer = [&] {
        uint32_t ticks = 0;
        power.read(vm::kPmTimerPort - vm::kPowerPort, std::as_writable_bytes(std::span(&ticks, 1)));
        return ticks;
    };
    host += seconds(2);
    const uint32_t before = timer();
    clock.stop(host);
    host += std::chrono::hours(1);
    clock.go_on(host);
    EXPECT_EQ(timer(), before);
    host += seconds(1);
    EXPECT_EQ(timer() - before, 3'579'545U);
}

}  // namespace
}  // namespace hvis::worker
