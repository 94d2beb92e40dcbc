#include "ic/time_sync_host.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/fake_link.h"
#include "ic/time_sync_guest.h"
#include "wire/timesync.h"

namespace hvis::ic {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Finished = TimeSyncHost::Finished;

struct Rig {
    TimeSyncHost host;
    TimeSyncGuest guest;
    FakeLink link{host, guest};

    std::vector<bool> syncs() {
        std::vector<bool> flags;
        for (const auto& sample : guest.take_effects()) {
            flags.push_back(sample.sync);
        }
        return flags;
    }
};

/// A guest of one version, which gives its own clock as Windows' older halves may.
struct OldGuest final : GuestService {
    explicit OldGuest(std::span<const Version> versions)
        : session(wire::IcMessageType::kTimeSync, versions) {}
    Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks&) override {
        auto received = session.receive(packet);
        if (!received || std::holds_alternative<Bytes>(*received)) {
            return received ? std::get<Bytes>(*received) : std::optional<Bytes>{};
        }
        last = *wire::parse_time_sample(std::get<GuestSession::Request>(*received).body,
                                        *session.message_version());
        auto reply = last;
        reply.child_time = last.parent_time + static_cast<uint64_t>(ahead.count());
        return wire::format_ic_reply(packet, wire::kIcOk,
                                     wire::format_time_sample(reply, *session.message_version()));
    }
    void channel_closed() override { session.closed(); }
    [[nodiscard]] std::optional<Version> message_version() const override {
        return session.message_version();
    }
    GuestSession session;
    wire::TimeSample last;
    Ticks ahead = -seconds(4);
};

TEST(TimeSyncHost, OrdersOnceAfterNegotiationThenOnlySamples) {
    Rig rig;
    rig.link.open();
    rig.link.advance(seconds(60));
    auto flags = rig.syncs();
    ASSERT_EQ(flags.size(), 13U);
    EXPECT_TRUE(flags.front());
    flags.erase(flags.begin());
    EXPECT_THAT(flags, ::testing::Each(false));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    EXPECT_TRUE(rig.host.last_sync());
}

TEST(TimeSyncHost, SamplesTheClocksOfTheMomentOfSending) {
    Rig rig;
    rig.link.open();
    (void)rig.guest.take_effects();
    rig.link.advance(seconds(5));
    const auto packet = wire::parse_ic_packet(rig.link.sent().back());
    const auto sample = wire::parse_time_sample(packet->body, {4, 0});
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->parent_time, rig.link.clocks().wall.ticks);
    EXPECT_EQ(sample->reference_time, rig.link.clocks().reference);
    EXPECT_THAT(rig.guest.take_effects(),
                ElementsAre(TimeSyncGuest::Sample{rig.link.clocks().wall, false}));
}

TEST(TimeSyncGuest, AddsTheAgeOfASample) {
    Rig rig;
    rig.link.open();
    (void)rig.guest.take_effects();
    rig.link.set_silent(true);
    rig.link.advance(seconds(5));
    rig.link.advance(seconds(1));
    rig.link.set_silent(false);
    EXPECT_THAT(rig.guest.take_effects(),
                ElementsAre(TimeSyncGuest::Sample{rig.link.clocks().wall, false}));
}

TEST(TimeSyncHost, OrdersAgainAfterAResume) {
    Rig rig;
    rig.link.open();
    rig.link.advance(seconds(6));
    rig.link.pause();
    rig.link.advance(seconds(600));
    (void)rig.guest.take_effects();
    rig.link.resume();
    EXPECT_THAT(rig.syncs(), ElementsAre(true));
    rig.link.advance(seconds(6));
    EXPECT_THAT(rig.syncs(), ElementsAre(false));
}

TEST(TimeSyncHost, DoesNotOrderAgainForWhatChangesNothing) {
    Rig rig;
    rig.link.open();
    (void)rig.guest.take_effects();
    rig.link.resume();
    rig.host.set_enabled(true, rig.link.clocks());
    rig.link.advance(seconds(6));
    EXPECT_THAT(rig.syncs(), ElementsAre(false));
}

TEST(TimeSyncHost, OrdersOnRequestAndReportsTheEnd) {
    Rig rig;
    EXPECT_EQ(rig.host.sync_now(seconds(5), rig.link.clocks()).error(), kErrorNotConnected);
    rig.link.open();
    rig.link.advance(seconds(6));
    (void)rig.guest.take_effects();
    const auto id = rig.host.sync_now(seconds(5), rig.link.clocks());
    ASSERT_TRUE(id);
    EXPECT_EQ(rig.host.sync_now(seconds(5), rig.link.clocks()).error(), kErrorInProgress);
    rig.link.pump();
    EXPECT_THAT(rig.syncs(), ElementsAre(true));
    EXPECT_THAT(rig.host.take_effects(), ElementsAre(Finished{*id, Outcome::kDone, 0}));
}

TEST(TimeSyncHost, EndsARequestInEveryWayExactlyOnce) {
    const auto outcome_of = [](auto end) {
        Rig rig;
        rig.link.open();
        rig.link.set_silent(true);
        const auto id = rig.host.sync_now(seconds(5), rig.link.clocks());
        rig.link.pump();
        end(rig, *id);
        const auto effects = rig.host.take_effects();
        rig.link.close();
        EXPECT_EQ(effects.size(), 1U);
        EXPECT_THAT(rig.host.take_effects(), IsEmpty());
        return effects.at(0).outcome;
    };
    EXPECT_EQ(outcome_of([](Rig& rig, RequestId) { rig.link.advance(seconds(6)); }),
              Outcome::kTimedOut);
    EXPECT_EQ(outcome_of([](Rig& rig, RequestId) { rig.link.close(); }),
              Outcome::kGuestNotConnected);
    EXPECT_EQ(
        outcome_of([](Rig& rig, RequestId) { rig.host.set_enabled(false, rig.link.clocks()); }),
        Outcome::kServiceDisabled);
    EXPECT_EQ(outcome_of([](Rig& rig, RequestId id) {
                  EXPECT_TRUE(rig.host.cancel(id, rig.link.clocks()));
              }),
              Outcome::kCancelled);
}

TEST(TimeSyncHost, LeavesTheClockAloneWhenARequestEndsBeforeItIsSent) {
    Rig rig;
    rig.link.open();
    (void)rig.syncs();
    const auto cancelled = rig.host.sync_now(seconds(5), rig.link.clocks());
    ASSERT_TRUE(rig.host.cancel(*cancelled, rig.link.clocks()));
    rig.link.advance(seconds(6));
    EXPECT_THAT(rig.syncs(), ElementsAre(false, false));

    rig.link.set_silent(true);
    rig.link.advance(seconds(15));
    const auto sent = rig.link.sent().size();
    const auto timed_out = rig.host.sync_now(seconds(2), rig.link.clocks());
    rig.link.advance(seconds(2));
    EXPECT_EQ(rig.link.sent().size(), sent) << "there are too many before it";
    EXPECT_THAT(rig.host.take_effects(), ElementsAre(Finished{*cancelled, Outcome::kCancelled, 0},
                                                     Finished{*timed_out, Outcome::kTimedOut, 0}));
    rig.link.set_silent(false);
    rig.link.advance(seconds(6));
    EXPECT_THAT(rig.syncs(), ::testing::Each(false));
}

TEST(TimeSyncHost, OrdersForAResumeThoughARequestWasCancelled) {
    Rig rig;
    rig.link.open();
    (void)rig.syncs();
    rig.link.set_silent(true);
    rig.link.pause();
    rig.host.resumed(rig.link.clocks());
    const auto id = rig.host.sync_now(seconds(5), rig.link.clocks());
    ASSERT_TRUE(rig.host.cancel(*id, rig.link.clocks()));
    rig.link.set_silent(false);
    EXPECT_THAT(rig.syncs(), ElementsAre(true));
}

TEST(TimeSyncHost, DoesNotCountAPauseTowardsTheTimeout) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    const auto id = rig.host.sync_now(seconds(5), rig.link.clocks());
    rig.link.pause();
    rig.link.advance(seconds(4));
    rig.link.resume();
    rig.link.advance(seconds(4));
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
    rig.link.advance(seconds(1));
    EXPECT_THAT(rig.host.take_effects(), ElementsAre(Finished{*id, Outcome::kTimedOut, 0}));
}

TEST(TimeSyncHost, EndsTheRequestAtOnceWhenTheChannelBreaks) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    const auto id = rig.host.sync_now(seconds(5), rig.link.clocks());
    ASSERT_TRUE(id);
    rig.link.break_rings();
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(Finished{*id, Outcome::kGuestNotConnected, 0}));
    EXPECT_FALSE(rig.host.next_deadline());
}

// From version 4.0 on the guest adds the age of a sample itself.
TEST(TimeSyncHost, OrdersOnceHoweverLateTheGuestAnswers) {
    Rig rig;
    rig.link.set_silent(true);
    rig.link.open();
    rig.link.set_silent(false);
    (void)rig.syncs();
    rig.link.set_silent(true);
    rig.link.pause();
    rig.link.resume();
    rig.link.advance(seconds(4));
    rig.link.set_silent(false);
    EXPECT_THAT(rig.syncs(), ElementsAre(true));
    rig.link.advance(seconds(20));
    EXPECT_THAT(rig.syncs(), ::testing::Each(false));
}

// Before it, nobody can tell how old the sample was when the guest took it.
TEST(TimeSyncHost, KeepsAnOrderDueUntilAnOldGuestAnswersInTime) {
    constexpr std::array<Version, 1> kOld = {{{3, 0}}};
    OldGuest guest(kOld);
    TimeSyncHost host;
    FakeLink link(host, guest);
    link.open();
    link.pause();
    link.resume();
    link.set_silent(true);
    link.pause();
    link.resume();
    link.advance(seconds(4));
    const auto before = link.sent().size();
    link.set_silent(false);  // four seconds old: repeated at once
    EXPECT_EQ(link.sent().size(), before + 1);
    EXPECT_EQ(guest.last.flags, wire::kTimeSyncSync);
    EXPECT_EQ(guest.last.parent_time, link.clocks().wall.ticks);
}

TEST(TimeSyncHost, NoticesASilentGuestAndItsReturn) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    rig.link.advance(seconds(200));
    const auto report = rig.host.report(rig.link.clocks());
    EXPECT_EQ(report.primary, Primary::kLostCommunication);
    EXPECT_LE(rig.link.held().size(), 5U) << "a silent guest's ring is not filled";
    rig.link.set_silent(false);
    rig.link.advance(seconds(10));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(TimeSyncHost, CallsAGuestSilentWhenThreeSamplesInARowWereDue) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    rig.link.advance(seconds(19));  // asked at 5, 10 and 15 s
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    rig.link.advance(seconds(1));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kLostCommunication);
}

TEST(TimeSyncHost, SpeaksTheOldVersionsAndLearnsTheOffset) {
    constexpr std::array<std::array<Version, 1>, 2> kOld = {{{{{3, 0}}}, {{{1, 0}}}}};
    for (const auto& versions : kOld) {
        OldGuest guest(versions);
        TimeSyncHost host;
        FakeLink link(host, guest);
        link.open();
        EXPECT_EQ(guest.last.flags, wire::kTimeSyncSync);
        EXPECT_EQ(guest.last.parent_time, link.clocks().wall.ticks);
        EXPECT_EQ(host.guest_offset(), seconds(-4));
        EXPECT_EQ(host.report(link.clocks()).message, versions[0]);
        link.advance(seconds(5));
        EXPECT_EQ(guest.last.flags, wire::kTimeSyncSample);
    }
}

TEST(TimeSyncHost, NoticesALargeOffsetOnceEachTime) {
    constexpr std::array<Version, 1> kOld = {{{3, 0}}};
    OldGuest guest(kOld);
    TimeSyncHost host;
    FakeLink link(host, guest);
    link.open();
    EXPECT_FALSE(host.take_noticed_offset()) << "the order has only just been given";
    link.advance(seconds(5));
    EXPECT_EQ(host.take_noticed_offset(), seconds(-4));
    link.advance(seconds(5));
    EXPECT_FALSE(host.take_noticed_offset());
    guest.ahead = seconds(2);
    link.advance(seconds(5));
    EXPECT_FALSE(host.take_noticed_offset());
    guest.ahead = seconds(2) + milliseconds(1);
    link.advance(seconds(5));
    EXPECT_EQ(host.take_noticed_offset(), guest.ahead);
    guest.ahead = Ticks(0);
    link.advance(seconds(5));
    guest.ahead = Ticks::max();  // more than fits into nanoseconds
    link.advance(seconds(5));
    EXPECT_EQ(host.take_noticed_offset(), Ticks::max());
}

TEST(TimeSyncHost, SurvivesEveryTruncatedAnswer) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    rig.link.advance(seconds(5));
    const auto whole = **rig.guest.packet_received(rig.link.held().back(), rig.link.clocks());
    for (size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(rig.link.inject(ByteView(whole).first(length))) << length;
    }
    EXPECT_TRUE(rig.link.inject(whole));
}

}  // namespace
}  // namespace hvis::ic
