#include "ic/heartbeat_host.h"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/fake_link.h"
#include "ic/heartbeat_guest.h"

namespace hvis::ic {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Effect = HeartbeatHost::Effect;

constexpr HeartbeatPolicy kPolicy{
    .interval = seconds(2), .latency = seconds(1), .misses = 2, .window = 3, .grace = seconds(0)};

Effect health(GuestHealth from, GuestHealth to) {
    return HeartbeatHost::HealthChanged{.from = from, .to = to};
}

struct Rig {
    explicit Rig(const HeartbeatPolicy& policy = kPolicy) : host(policy) {}

    void start() {
        link.open();
        link.advance(milliseconds(1500));
        (void)host.take_effects();
    }

    HeartbeatHost host;
    HeartbeatGuest guest;
    FakeLink link{host, guest};
};

TEST(HeartbeatHost, BeatsAtTheIntervalNeverAtTheAnswer) {
    Rig rig;
    rig.link.open();
    rig.link.advance(seconds(60));
    EXPECT_EQ(rig.host.counters().sent, 31U);
    EXPECT_EQ(rig.host.counters().answered, 31U);
    EXPECT_EQ(rig.guest.answered(), 31U);
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(health(GuestHealth::kUnknown, GuestHealth::kAlive)));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    EXPECT_EQ(rig.host.report(rig.link.clocks()).applications, Applications::kUnknown);
}

TEST(HeartbeatHost, CountsRoundTripsInBuckets) {
    HeartbeatHost::RoundTrips trips;
    for (const int us : {0, 100, 101, 1'000'000, 1'000'001, 90'000'000}) {
        trips.add(std::chrono::microseconds(us));
    }
    EXPECT_EQ(trips.counts.front(), 2U);
    EXPECT_EQ(trips.counts[1], 1U);
    EXPECT_EQ(trips.counts[HeartbeatHost::RoundTrips::kBoundsUs.size() - 1], 1U);
    EXPECT_EQ(trips.counts.back(), 2U);
    EXPECT_EQ(trips.sum_us, 92'000'202U);
}

TEST(HeartbeatHost, TellsHowLongAnswersTookAndHowOldTheLastIs) {
    Rig rig;
    EXPECT_FALSE(rig.host.last_answer_age(rig.link.clocks().now));
    rig.start();
    const auto& trips = rig.host.round_trips();
    EXPECT_EQ(std::accumulate(trips.counts.begin(), trips.counts.end(), uint64_t{0}),
              rig.host.counters().answered);
    rig.link.set_silent(true);
    rig.link.advance(seconds(10));
    EXPECT_GE(*rig.host.last_answer_age(rig.link.clocks().now), seconds(8));
}

TEST(HeartbeatHost, LosesASilentGuestAfterNOfMAndSaysSoOnce) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    rig.link.advance(milliseconds(1500));  // the beat at 2 s is judged at 3 s
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
    rig.link.advance(seconds(2));
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(health(GuestHealth::kAlive, GuestHealth::kLost)));
    rig.link.advance(seconds(60));
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
    const auto report = rig.host.report(rig.link.clocks());
    EXPECT_EQ(report.primary, Primary::kLostCommunication);
    EXPECT_EQ(report.secondary, Secondary::kCommunicationTimedOut);
    EXPECT_FALSE(report.applications);
}

TEST(HeartbeatHost, HasTheGuestSignalledAgainForEachBeatThatItMissed) {
    Rig rig;
    rig.start();
    rig.link.advance(seconds(60));
    EXPECT_FALSE(rig.host.take_signal_again()) << "it answers";
    rig.link.set_silent(true);
    rig.link.advance(seconds(3));
    EXPECT_TRUE(rig.host.take_signal_again());
    EXPECT_FALSE(rig.host.take_signal_again()) << "once for each miss";
    rig.link.advance(seconds(2));
    EXPECT_TRUE(rig.host.take_signal_again());
    rig.link.stall(seconds(30));
    EXPECT_FALSE(rig.host.take_signal_again()) << "the host was late, not the guest";
}

TEST(HeartbeatHost, TellsHowManyBeatsItHasJudgedAndHowManyWereMissed) {
    auto policy = kPolicy;
    policy.misses = 3;
    policy.window = 5;
    Rig rig(policy);
    rig.start();  // one answer
    rig.link.set_silent(true);
    rig.link.advance(seconds(6));
    EXPECT_EQ(rig.host.health(), GuestHealth::kLost);
    EXPECT_EQ(rig.host.missed_of_window(), 3U);
    EXPECT_EQ(rig.host.judged_of_window(), 4U) << "not the whole window of 5";
}

TEST(HeartbeatHost, RegainsALostGuestOnlyAfterAnswersInARow) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    rig.link.advance(seconds(10));
    (void)rig.host.take_effects();
    rig.link.held().clear();
    rig.link.set_silent(false);
    rig.link.advance(seconds(2));
    EXPECT_EQ(rig.host.health(), GuestHealth::kLost);
    rig.link.advance(seconds(2));
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(health(GuestHealth::kLost, GuestHealth::kAlive)));
}

TEST(HeartbeatHost, IgnoresThePileOfAnswersToOldBeats) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    rig.link.advance(seconds(20));
    (void)rig.host.take_effects();
    const auto answered = rig.host.counters().answered;
    rig.link.set_silent(false);  // The newest beat, too, has been judged by now.
    EXPECT_EQ(rig.host.counters().answered, answered);
    EXPECT_EQ(rig.host.counters().late, 1U);
    EXPECT_EQ(rig.host.health(), GuestHealth::kLost);
}

TEST(HeartbeatHost, OneMissOfThreeIsNotALoss) {
    Rig rig;
    rig.start();
    for (int round = 0; round < 10; ++round) {
        rig.link.set_silent(true);
        rig.link.advance(seconds(2));
        rig.link.held().clear();
        rig.link.set_silent(false);
        rig.link.advance(seconds(4));
    }
    EXPECT_EQ(rig.host.counters().missed, 10U);
    EXPECT_EQ(rig.host.health(), GuestHealth::kAlive);
}

TEST(HeartbeatHost, DoesNotJudgeDuringTheGrace) {
    HeartbeatPolicy policy = kPolicy;
    policy.grace = seconds(30);
    Rig rig(policy);
    rig.link.open();
    rig.link.set_silent(true);
    rig.link.advance(seconds(30));
    EXPECT_EQ(rig.host.counters().missed, 0U);
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    rig.link.advance(seconds(6));
    EXPECT_EQ(rig.host.health(), GuestHealth::kLost);
}

TEST(HeartbeatHost, DoesNotHoldItsOwnStallAgainstTheGuest) {
    Rig rig;
    rig.start();
    for (int round = 0; round < 10; ++round) {
        rig.link.set_silent(true);
        rig.link.advance(milliseconds(600));
        rig.link.stall(seconds(30));
        rig.link.set_silent(false);
    }
    EXPECT_EQ(rig.host.counters().missed, 0U);
    EXPECT_GT(rig.host.counters().voided, 0U);
    // It had been 1.5 s since the beat that was next, or has just been made up for.
    const auto effects = rig.host.take_effects();
    EXPECT_FALSE(effects.empty());
    for (const auto& effect : effects) {
        const auto* stalled = std::get_if<HeartbeatHost::HostStalled>(&effect);
        ASSERT_NE(stalled, nullptr) << "nothing is said of the guest";
        EXPECT_GT(stalled->late, seconds(25));
        EXPECT_LE(stalled->late, seconds(30));
    }
}

TEST(HeartbeatHost, IsDegradedWhenTheHostIsAlwaysLate) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    while (rig.host.counters().voided < HeartbeatHost::kVoidedInARow - 1) {
        rig.link.stall(seconds(30));
    }
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    rig.link.stall(seconds(30));
    auto report = rig.host.report(rig.link.clocks());
    EXPECT_EQ(report.primary, Primary::kDegraded);
    EXPECT_THAT(report.explanation, HasSubstr("the host is too busy to judge the guest"));
    EXPECT_EQ(report.since, rig.link.clocks().wall);
    EXPECT_EQ(rig.host.health(), GuestHealth::kAlive) << "nothing is held against the guest";
    rig.link.set_silent(false);  // An answer in time is a verdict again.
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(HeartbeatHost, JudgesAgainOnceTheHostIsInTime) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    while (rig.host.counters().voided < 2 * HeartbeatHost::kVoidedInARow) {
        rig.link.stall(seconds(30));
    }
    rig.link.advance(milliseconds(1500));  // the first miss
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    rig.link.advance(seconds(2));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kLostCommunication);
    while (rig.host.counters().voided < 4 * HeartbeatHost::kVoidedInARow) {
        rig.link.stall(seconds(30));
    }
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kLostCommunication)
        << "what was found out in time stands";
}

TEST(HeartbeatHost, CountsVoidedBeatsAnewAfterAPause) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    while (rig.host.counters().voided < HeartbeatHost::kVoidedInARow) {
        rig.link.stall(seconds(30));
    }
    rig.link.pause();
    rig.link.resume();
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(HeartbeatHost, TakesAnAnswerThatWaitedForAStalledHost) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    rig.link.advance(milliseconds(2000));
    const auto before = rig.host.counters().answered;
    auto late = rig.link.clocks();
    late.now += seconds(50);
    // The loop reads the ring before its timers: the answer is there, judged by nobody yet.
    const auto reply = rig.guest.packet_received(rig.link.held().back(), late);
    ASSERT_TRUE(reply && *reply);
    EXPECT_TRUE(rig.host.packet_received(**reply, late));
    EXPECT_EQ(rig.host.counters().answered, before + 1);
}

TEST(HeartbeatHost, DoesNotHoldAPauseAgainstTheGuest) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    rig.link.advance(milliseconds(700));
    rig.link.pause();
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kPaused);
    EXPECT_FALSE(rig.host.next_deadline());
    rig.link.advance(std::chrono::hours(10));
    EXPECT_EQ(rig.host.counters().missed, 0U);
    rig.link.set_silent(false);
    rig.link.resume();
    rig.link.advance(seconds(2));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
}

TEST(HeartbeatHost, DropsWrongSequencesAndErrors) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    rig.link.advance(milliseconds(600));
    const Bytes beat = rig.link.held().back();
    Bytes wrong = wire::format_ic_reply(beat, wire::kIcOk, {});  // seq not incremented
    EXPECT_FALSE(rig.link.inject(wrong));
    const auto answered = rig.host.counters().answered;
    rig.link.advance(seconds(2));
    EXPECT_FALSE(rig.link.inject(wire::format_ic_reply(rig.link.held().back(), wire::kIcFail, {})));
    EXPECT_EQ(rig.host.counters().answered, answered);
}

TEST(HeartbeatHost, RejectsEveryTruncatedAnswer) {
    Rig rig;
    rig.start();
    rig.link.set_silent(true);
    rig.link.advance(milliseconds(600));
    const auto whole = **rig.guest.packet_received(rig.link.held().back(), rig.link.clocks());
    for (size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(rig.link.inject(ByteView(whole).first(length))) << length;
    }
    const auto answered = rig.host.counters().answered;
    EXPECT_TRUE(rig.link.inject(whole));
    EXPECT_EQ(rig.host.counters().answered, answered + 1);
    EXPECT_TRUE(rig.link.inject(whole)) << "a duplicate is dropped in silence";
    EXPECT_EQ(rig.host.counters().answered, answered + 1);
}

TEST(HeartbeatHost, ReportsTheStateOfApplications) {
    Rig rig;
    rig.start();
    rig.guest.set_applications(wire::ApplicationState::kCritical);
    rig.link.advance(seconds(2));
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(Effect(HeartbeatHost::ApplicationsChanged{
                    .from = Applications::kUnknown, .to = Applications::kCritical})));
    const auto report = rig.host.report(rig.link.clocks());
    EXPECT_EQ(report.primary, Primary::kOk);
    EXPECT_EQ(report.secondary, Secondary::kApplicationCritical);
    rig.guest.set_applications(wire::ApplicationState::kHealthy);
    rig.link.advance(seconds(2));
    EXPECT_EQ(rig.host.applications(), Applications::kHealthy);
}

TEST(HeartbeatHost, LosesContactNotTheGuestWhenTheChannelCloses) {
    Rig rig;
    rig.start();
    rig.link.close();
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(health(GuestHealth::kAlive, GuestHealth::kUnknown)));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kNoContact);
    rig.link.advance(seconds(60));
    rig.link.open();
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(HeartbeatHost, JudgesAGuestThatBreaksItsChannelAsOneThatIsSilent) {
    Rig rig;
    rig.start();
    rig.link.break_rings();
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
    rig.link.advance(seconds(10));
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(health(GuestHealth::kAlive, GuestHealth::kLost)));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).secondary, Secondary::kCommunicationFailed);
    rig.link.close();
    rig.link.open();
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(health(GuestHealth::kLost, GuestHealth::kUnknown),
                            health(GuestHealth::kUnknown, GuestHealth::kAlive)));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(HeartbeatHost, ReportsADisabledServiceAndBeatsAgainOnceEnabled) {
    Rig rig;
    rig.start();
    rig.host.set_enabled(false, rig.link.clocks());
    rig.link.advance(seconds(10));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kDisabled);
    EXPECT_EQ(rig.host.counters().sent, 1U);
    rig.link.close();
    rig.host.set_enabled(true, rig.link.clocks());
    rig.link.open();
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(HeartbeatHost, TakesANewPolicyWhileItRuns) {
    Rig rig;
    rig.start();
    HeartbeatPolicy policy = kPolicy;
    policy.interval = milliseconds(100);
    policy.latency = milliseconds(100);
    ASSERT_TRUE(rig.host.set_policy(policy, rig.link.clocks()));
    const auto sent = rig.host.counters().sent;
    rig.link.advance(seconds(1));
    EXPECT_EQ(rig.host.counters().sent, sent + 10);
    rig.link.set_silent(true);
    rig.link.advance(milliseconds(350));
    EXPECT_EQ(rig.host.health(), GuestHealth::kLost);
    policy.misses = 4;
    EXPECT_EQ(rig.host.set_policy(policy, rig.link.clocks()).error().code, Errc::kInvalid);
}

TEST(HeartbeatHost, SaysSinceWhen) {
    Rig rig;
    rig.link.open();
    const auto since = rig.host.report(rig.link.clocks()).since;
    rig.link.advance(seconds(10));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).since, since);
    rig.link.close();
    EXPECT_EQ(rig.host.report(rig.link.clocks()).since, rig.link.clocks().wall);
}

}  // namespace
}  // namespace hvis::ic
