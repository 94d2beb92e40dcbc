#include "loopback/guest/loopback_guest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopback/guest/loopback_fixture.h"

namespace hvis::loopback {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using vm::ServiceKind;

/// Host and guest on the same loop, each turn serving both.
class LoopbackGuestTest : public LoopbackFixture {
protected:
    void boot(GuestConfig guest = {}, LoopbackVm::Config host = quick_config()) {
        make_vm(host);
        attach_guest(std::move(guest));
    }
    void attach_guest(GuestConfig config) {
        guest_ = *LoopbackGuest::create(attach(), *loop_, std::move(config),
                                        [this](GuestEnd how) { ends_.push_back(how); });
    }
    [[nodiscard]] bool all_open() const {
        return guest_->open_channels() == vm::kServiceKinds.size();
    }
    ic::KvpFinished finish_kvp(Result<ic::RequestId> id) {
        EXPECT_TRUE(id);
        vm_->services().pump(ServiceKind::kKvp);
        std::vector<ic::KvpFinished> finished;
        EXPECT_TRUE(turn_until([&] {
            finished = vm_->services().kvp().take_effects();
            return !finished.empty();
        }));
        return finished.empty() ? ic::KvpFinished{} : finished.front();
    }
    void ask_to_shut_down(ic::ShutdownKind kind) {
        ic::ShutdownRequest request;
        request.kind = kind;
        EXPECT_TRUE(vm_->services().shutdown().request(request, vm_->services().clocks()));
        vm_->services().pump(ServiceKind::kShutdown);
    }

    std::unique_ptr<LoopbackGuest> guest_;
    std::vector<GuestEnd> ends_;
};

TEST_F(LoopbackGuestTest, ConnectsAllServicesWithTheNewestVersions) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_EQ(guest_->version(), wire::VmbusVersion::kWin10_5_3);
    EXPECT_EQ(vm_->services().report(ServiceKind::kHeartbeat).message, (ic::Version{3, 0}));
    EXPECT_EQ(vm_->services().report(ServiceKind::kShutdown).message, (ic::Version{3, 2}));
    EXPECT_EQ(vm_->services().report(ServiceKind::kTimesync).message, (ic::Version{4, 0}));
    EXPECT_EQ(vm_->partition().rejected_packets(), 0U);
    EXPECT_EQ(vm_->vmbus().rejected_messages(), 0U);
}

TEST_F(LoopbackGuestTest, WalksDownToTheVersionOfAnOlderHost) {
    for (const auto version : wire::vmbus_versions()) {
        auto config = quick_config();
        config.max_version = version;
        guest_.reset();
        boot({}, config);
        ASSERT_TRUE(turn_until([this] { return all_ok(); })) << wire::to_string(version);
        EXPECT_EQ(guest_->version(), version);
    }
}

TEST_F(LoopbackGuestTest, RunsOnManyProcessors) {
    auto config = quick_config();
    config.partition = {.memory_bytes = 1 << 20, .processors = 8};
    boot({}, config);
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_EQ(vm_->partition().rejected_packets(), 0U);
}

TEST_F(LoopbackGuestTest, EndsWhenItsMemoryIsTooSmall) {
    auto config = quick_config();
    config.partition.memory_bytes = 64 << 10;
    boot({}, config);
    ASSERT_TRUE(turn_until([this] { return !ends_.empty() && !stops_.empty(); }));
    EXPECT_THAT(ends_, ElementsAre(GuestEnd::kHostGone));
    EXPECT_THAT(stops_, ElementsAre(vm::StopReason::kTripleFault));
}

TEST_F(LoopbackGuestTest, ExchangesPairsBothWays) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    auto& kvp = vm_->services().kvp();
    const auto clocks = vm_->services().clocks();
    EXPECT_EQ(finish_kvp(kvp.set(ic::KvpPool::kExternal, {"role", "web"}, clocks)).outcome,
              ic::Outcome::kDone);
    EXPECT_EQ(guest_->services().pairs().find(ic::KvpPool::kExternal, "role")->value, "web");
    const auto got = finish_kvp(kvp.get(ic::KvpPool::kAuto, "OSName", clocks));
    EXPECT_THAT(got.pairs, ElementsAre(ic::KvpPair{"OSName", "hvis loopback guest"}));
    EXPECT_EQ(finish_kvp(kvp.remove(ic::KvpPool::kExternal, "role", clocks)).outcome,
              ic::Outcome::kDone);
    EXPECT_THAT(guest_->services().pairs().pairs(ic::KvpPool::kExternal), IsEmpty());
}

TEST_F(LoopbackGuestTest, IsToldTheTime) {
    boot();
    ASSERT_TRUE(turn_until([this] { return guest_->services().time_orders() > 0; }));
    ASSERT_TRUE(turn_until([this] { return vm_->services().timesync().last_sync().has_value(); }));
    const auto id = vm_->services().timesync().sync_now(kPatience, vm_->services().clocks());
    ASSERT_TRUE(id);
    vm_->services().pump(ServiceKind::kTimesync);
    EXPECT_TRUE(turn_until([this] { return guest_->services().time_orders() > 1; }));
}

TEST_F(LoopbackGuestTest, ShutsDownWhenAskedAndEnds) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    ask_to_shut_down(ic::ShutdownKind::kShutdown);
    ASSERT_TRUE(turn_until([this] { return !ends_.empty() && !stops_.empty(); }));
    EXPECT_THAT(ends_, ElementsAre(GuestEnd::kPoweredOff));
    EXPECT_THAT(stops_, ElementsAre(vm::StopReason::kPowerOff));
    EXPECT_FALSE(vm_->vmbus().version()) << "the guest said good-bye";
}

TEST_F(LoopbackGuestTest, RestartsWhenAsked) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    ask_to_shut_down(ic::ShutdownKind::kRestart);
    ASSERT_TRUE(turn_until([this] { return !stops_.empty(); }));
    EXPECT_THAT(stops_, ElementsAre(vm::StopReason::kReset));
    ASSERT_TRUE(vm_->reset());
    EXPECT_FALSE(all_ok());
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_THAT(ends_, IsEmpty());
}

TEST_F(LoopbackGuestTest, StartsOverAfterAHardResetAtAnyMoment) {
    boot();
    for (int round = 0; round < 20; ++round) {
        for (int turns = 0; turns < round * 3; ++turns) {
            loop_->run_once({});
        }
        ASSERT_TRUE(vm_->reset());
    }
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_THAT(stops_, IsEmpty());
    EXPECT_EQ(vm_->partition().rejected_packets(), 0U);
}

TEST_F(LoopbackGuestTest, GivesUpAndTakesBackServicesWhileItRuns) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    for (int round = 0; round < 20; ++round) {
        for (const auto kind : vm::kServiceKinds) {
            ASSERT_TRUE(vm_->services().set_enabled(kind, false));
        }
        ASSERT_TRUE(turn_until([this] { return guest_->open_channels() == 0; }));
        EXPECT_EQ(primary(ServiceKind::kKvp), ic::Primary::kDisabled);
        for (const auto kind : vm::kServiceKinds) {
            ASSERT_TRUE(vm_->services().set_enabled(kind, true));
        }
        ASSERT_TRUE(turn_until([this] { return all_open(); })) << "round " << round;
    }
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_EQ(vm_->vmbus().rejected_messages(), 0U);
}

TEST_F(LoopbackGuestTest, TogglesServicesWithoutWaitingForTheGuest) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    for (int round = 0; round < 101; ++round) {
        ASSERT_TRUE(vm_->services().set_enabled(ServiceKind::kKvp, round % 2 == 1));
        loop_->run_once({});
    }
    EXPECT_TRUE(turn_until([this] { return guest_->open_channels() == 3; }));
    ASSERT_TRUE(vm_->services().set_enabled(ServiceKind::kKvp, true));
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
}

TEST_F(LoopbackGuestTest, LosesContactWhenItsHeartbeatHangs) {
    boot({.fault = GuestFault::kHungHeartbeat});
    ASSERT_TRUE(turn_until([this] { return all_open(); }));
    ASSERT_TRUE(turn_until(
        [this] { return primary(ServiceKind::kHeartbeat) == ic::Primary::kLostCommunication; }));
    EXPECT_EQ(vm_->services().heartbeat().counters().answered, 0U);
    EXPECT_EQ(primary(ServiceKind::kKvp), ic::Primary::kOk);
}

TEST_F(LoopbackGuestTest, IsNotHeldToHeartbeatsWhilePaused) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    vm_->pause();
    EXPECT_EQ(primary(ServiceKind::kHeartbeat), ic::Primary::kPaused);
    turn_for(std::chrono::milliseconds(500));
    const auto missed = vm_->services().heartbeat().counters().missed;
    const auto orders = guest_->services().time_orders();
    vm_->resume();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_EQ(vm_->services().heartbeat().counters().missed, missed);
    EXPECT_TRUE(turn_until([&] { return guest_->services().time_orders() > orders; }))
        << "the clock is set after a pause";
}

TEST_F(LoopbackGuestTest, DoesNothingWhilePausedFromTheStart) {
    make_vm(quick_config());
    vm_->pause();
    attach_guest({});
    turn_for(std::chrono::milliseconds(100));
    EXPECT_FALSE(vm_->vmbus().version());
    vm_->resume();
    EXPECT_TRUE(turn_until([this] { return all_open(); }));
}

TEST_F(LoopbackGuestTest, ReportsItsCrash) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    guest_->crash("Kernel panic - not syncing: test");
    ASSERT_TRUE(turn_until([this] { return !crashes_.empty(); }));
    EXPECT_THAT(crashes_, ElementsAre("Kernel panic - not syncing: test"));
    EXPECT_TRUE(turn_until(
        [this] { return primary(ServiceKind::kHeartbeat) == ic::Primary::kLostCommunication; }));
    ASSERT_TRUE(vm_->reset());
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
}

TEST_F(LoopbackGuestTest, DiesAndIsReplaced) {
    boot({.fault = GuestFault::kDies});
    ASSERT_TRUE(turn_until([this] { return !stops_.empty() && !ends_.empty(); }));
    EXPECT_THAT(ends_, ElementsAre(GuestEnd::kDied));
    EXPECT_THAT(stops_, ElementsAre(vm::StopReason::kTripleFault));
    EXPECT_TRUE(turn_until([this] { return !all_ok(); }));
    ASSERT_TRUE(vm_->reset());
    attach_guest({.name = "second"});
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
}

TEST_F(LoopbackGuestTest, EndsWithItsHost) {
    boot();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    vm_.reset();
    EXPECT_TRUE(turn_until([this] { return !ends_.empty(); }));
    EXPECT_THAT(ends_, ElementsAre(GuestEnd::kHostGone));
}

}  // namespace
}  // namespace hvis::loopback
