#include "ic/kvp_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/fake_link.h"
#include "ic/kvp_guest.h"

namespace hvis::ic {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Rig {
    MemoryKvpStore store;
    KvpHost host;
    KvpGuest guest{store};
    FakeLink link{host, guest};

    Rig() { link.open(); }

    /// Carries one request out to its end.
    KvpFinished end_of(const Result<RequestId>& id) {
        EXPECT_TRUE(id);
        link.pump();
        auto effects = host.take_effects();
        EXPECT_THAT(effects, SizeIs(1));
        if (effects.size() != 1 || !id) {
            return {};
        }
        EXPECT_EQ(effects[0].id, *id);
        return effects[0];
    }
};

TEST(KvpHost, ListsAWholePoolHoweverLong) {
    Rig rig;
    for (int index = 0; index < 250; ++index) {
        ASSERT_TRUE(rig.store.set(KvpPool::kGuest, {"key" + std::to_string(index), "v"}));
    }
    const auto end = rig.end_of(rig.host.list(KvpPool::kGuest, rig.link.clocks()));
    EXPECT_EQ(end.outcome, Outcome::kDone);
    EXPECT_EQ(end.pairs, rig.store.pairs(KvpPool::kGuest));
    EXPECT_FALSE(end.truncated);
    EXPECT_THAT(rig.end_of(rig.host.list(KvpPool::kAuto, rig.link.clocks())).pairs, IsEmpty());
}

TEST(KvpHost, CutsAGuestOffThatListsWithoutEnd) {
    struct Endless final : KvpStore {
        [[nodiscard]] std::optional<KvpPair> at(KvpPool, uint32_t index) const override {
            return KvpPair{std::to_string(index), "v"};
        }
        [[nodiscard]] std::optional<KvpPair> find(KvpPool, std::string_view) const override {
            return std::nullopt;
        }
        Result<void> set(KvpPool, const KvpPair&) override { return {}; }
        bool remove(KvpPool, std::string_view) override { return false; }
        [[nodiscard]] std::optional<KvpIpInfo> ip_info(std::string_view) const override {
            return std::nullopt;
        }
        bool set_ip_info(const KvpIpInfo&) override { return false; }
    };
    Endless store;
    KvpHost host;
    KvpGuest guest(store);
    FakeLink link(host, guest);
    link.open();
    ASSERT_TRUE(host.list(KvpPool::kGuest, link.clocks()));
    link.pump();
    const auto effects = host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_TRUE(effects[0].truncated);
    EXPECT_THAT(effects[0].pairs, SizeIs(KvpJob::kMaxPairs));
    // Neither knows whether the key is further on.
    ASSERT_TRUE(host.get(KvpPool::kGuest, "k", link.clocks()));
    ASSERT_TRUE(host.add(KvpPool::kGuest, {"k", "v"}, link.clocks()));
    link.pump();
    const auto ends = host.take_effects();
    EXPECT_THAT(ends, SizeIs(2));
    for (const auto& end : ends) {
        EXPECT_EQ(end.outcome, Outcome::kRefused);
        EXPECT_EQ(end.error.value_or(Error{}).code, Errc::kLimit);
    }
}

TEST(KvpHost, SetsChangesGetsAndRemoves) {
    Rig rig;
    const auto now = rig.link.clocks();
    EXPECT_EQ(rig.end_of(rig.host.set(KvpPool::kExternal, {"EEE", "555"}, now)).outcome,
              Outcome::kDone);
    EXPECT_EQ(rig.end_of(rig.host.set(KvpPool::kExternal, {"EEE", "999"}, now)).outcome,
              Outcome::kDone);
    EXPECT_THAT(rig.end_of(rig.host.get(KvpPool::kExternal, "EEE", now)).pairs,
                ElementsAre(KvpPair{"EEE", "999"}));
    EXPECT_EQ(rig.end_of(rig.host.remove(KvpPool::kExternal, "EEE", now)).outcome, Outcome::kDone);
    EXPECT_THAT(rig.store.pairs(KvpPool::kExternal), IsEmpty());
}

TEST(KvpHost, SaysWhatIsMissingAndWhatIsThereAlready) {
    Rig rig;
    const auto now = rig.link.clocks();
    ASSERT_TRUE(rig.store.set(KvpPool::kGuest, {"a", "1"}));
    const auto missing = rig.end_of(rig.host.get(KvpPool::kGuest, "b", now));
    EXPECT_EQ(missing.outcome, Outcome::kRefused);
    EXPECT_EQ(missing.error->code, Errc::kNotFound);
    EXPECT_EQ(rig.end_of(rig.host.remove(KvpPool::kGuest, "b", now)).error->code, Errc::kNotFound);
    const auto there = rig.end_of(rig.host.add(KvpPool::kGuest, {"a", "2"}, now));
    EXPECT_EQ(there.outcome, Outcome::kRefused);
    EXPECT_EQ(there.status, wire::kIcAlreadyExists);
    EXPECT_EQ(rig.end_of(rig.host.add(KvpPool::kGuest, {"b", "2"}, now)).outcome, Outcome::kDone);
    EXPECT_THAT(rig.store.pairs(KvpPool::kGuest),
                ElementsAre(KvpPair{"a", "1"}, KvpPair{"b", "2"}));
}

TEST(KvpHost, ChecksLimitsBeforeAnythingIsSent) {
    Rig rig;
    const auto now = rig.link.clocks();
    const auto sent = rig.link.sent().size();
    EXPECT_FALSE(rig.host.set(KvpPool::kExternal, {std::string(255, 'k'), ""}, now));
    EXPECT_FALSE(rig.host.set(KvpPool::kExternal, {"k", std::string(1023, 'v')}, now));
    EXPECT_FALSE(rig.host.add(KvpPool::kExternal, {"", "v"}, now));
    EXPECT_FALSE(rig.host.set(KvpPool::kAuto, {"k", "v"}, now));
    EXPECT_FALSE(rig.host.remove(KvpPool::kAuto, "k", now));
    EXPECT_FALSE(rig.host.get_ip_info("00:15:5d:01:02", now));
    EXPECT_FALSE(rig.host.get_ip_info("00:15:5d:01:02:0g", now));
    EXPECT_FALSE(rig.host.list(KvpPool::kGuest, now, Duration::zero()));
    rig.link.pump();
    EXPECT_EQ(rig.link.sent().size(), sent);
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
}

TEST(KvpHost, QueuesRequestsInOrderUpToALimit) {
    Rig rig;
    rig.link.set_silent(true);
    for (size_t count = 0; count < KvpHost::kMaxRequests; ++count) {
        ASSERT_TRUE(
            rig.host.set(KvpPool::kExternal, {std::to_string(count), "v"}, rig.link.clocks()));
    }
    EXPECT_EQ(rig.host.list(KvpPool::kGuest, rig.link.clocks()).error(), kErrorTooMany);
    rig.link.pump();
    EXPECT_THAT(rig.link.held(), SizeIs(1)) << "one transaction at a time";
    rig.link.set_silent(false);
    const auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(KvpHost::kMaxRequests));
    for (size_t index = 1; index < effects.size(); ++index) {
        EXPECT_EQ(effects[index].id, effects[index - 1].id + 1);
    }
}

TEST(KvpHost, EndsRequestsOfADeadDaemonAndDropsItsLateAnswers) {
    Rig rig;
    ASSERT_TRUE(rig.store.set(KvpPool::kGuest, {"k", "v"}));
    rig.link.set_silent(true);
    const auto first = rig.host.get(KvpPool::kGuest, "k", rig.link.clocks());
    const auto second = rig.host.list(KvpPool::kExternal, rig.link.clocks(), seconds(5));
    rig.link.advance(seconds(5));
    auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_EQ(effects[0].id, *second);
    EXPECT_EQ(effects[0].outcome, Outcome::kTimedOut);
    rig.link.advance(seconds(31));
    effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_EQ(effects[0].id, *first);
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kLostCommunication);

    const auto third = rig.host.list(KvpPool::kAuto, rig.link.clocks());
    rig.link.set_silent(false);
    effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_EQ(effects[0].id, *third);
    EXPECT_THAT(effects[0].pairs, IsEmpty()) << "the answer to the first request was dropped";
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(KvpHost, EndsEveryRequestWhenTheChannelGoesOrTheServiceIsDisabled) {
    Rig rig;
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.list(KvpPool::kAuto, rig.link.clocks()));
    ASSERT_TRUE(rig.host.list(KvpPool::kGuest, rig.link.clocks()));
    rig.link.pump();
    rig.link.close();
    for (const auto& effect : rig.host.take_effects()) {
        EXPECT_EQ(effect.outcome, Outcome::kGuestNotConnected);
    }
    EXPECT_EQ(rig.host.list(KvpPool::kAuto, rig.link.clocks()).error(), kErrorNotConnected);
    rig.link.set_silent(false);
    rig.link.open();
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.list(KvpPool::kAuto, rig.link.clocks()));
    rig.link.pump();
    rig.host.set_enabled(false, rig.link.clocks());
    EXPECT_EQ(rig.host.take_effects().at(0).outcome, Outcome::kServiceDisabled);
    EXPECT_EQ(rig.host.list(KvpPool::kAuto, rig.link.clocks()).error(), kErrorDisabled);
}

TEST(KvpHost, EndsEveryRequestAtOnceWhenTheChannelBreaks) {
    Rig rig;
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.list(KvpPool::kAuto, rig.link.clocks()));
    rig.link.pump();
    ASSERT_TRUE(rig.host.list(KvpPool::kGuest, rig.link.clocks()));
    rig.link.break_rings();
    const auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(2));
    EXPECT_EQ(effects[0].outcome, Outcome::kGuestNotConnected);
    EXPECT_EQ(effects[1].outcome, Outcome::kGuestNotConnected);
}

TEST(KvpHost, CancelsTheRequestOnItsWayAndOneThatWaits) {
    Rig rig;
    rig.link.set_silent(true);
    const auto first = rig.host.list(KvpPool::kAuto, rig.link.clocks());
    const auto second = rig.host.list(KvpPool::kGuest, rig.link.clocks());
    const auto third = rig.host.list(KvpPool::kExternal, rig.link.clocks());
    rig.link.pump();
    EXPECT_TRUE(rig.host.cancel(*second, rig.link.clocks()));
    EXPECT_TRUE(rig.host.cancel(*first, rig.link.clocks()));
    EXPECT_EQ(rig.host.cancel(*first, rig.link.clocks()).error(), kErrorNoSuchRequest);
    rig.link.set_silent(false);
    const auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(3));
    EXPECT_EQ(effects[0].outcome, Outcome::kCancelled);
    EXPECT_EQ(effects[1].outcome, Outcome::kCancelled);
    EXPECT_EQ(effects[2].id, *third);
    EXPECT_EQ(effects[2].outcome, Outcome::kDone);
}

TEST(KvpHost, TellsEveryGuestItsParametersAndKeepsThemCurrent) {
    Rig rig;
    ASSERT_TRUE(rig.host.set_parameters({{"HostName", "h"}, {"VirtualMachineName", "vm"}}));
    ASSERT_TRUE(rig.host.set_external({{"role", "db"}}));
    rig.link.pump();
    EXPECT_THAT(rig.store.pairs(KvpPool::kAutoExternal),
                ElementsAre(KvpPair{"HostName", "h"}, KvpPair{"VirtualMachineName", "vm"}));
    EXPECT_THAT(rig.store.pairs(KvpPool::kExternal), ElementsAre(KvpPair{"role", "db"}));
    ASSERT_TRUE(rig.host.set_parameters({{"HostName", "h2"}}));
    rig.link.pump();
    EXPECT_THAT(rig.store.pairs(KvpPool::kAutoExternal), ElementsAre(KvpPair{"HostName", "h2"}));
    rig.link.close();
    ASSERT_TRUE(rig.store.remove(KvpPool::kAutoExternal, "HostName"));
    rig.link.open();
    EXPECT_THAT(rig.store.pairs(KvpPool::kAutoExternal), ElementsAre(KvpPair{"HostName", "h2"}));
    const auto sent = rig.link.sent().size();
    rig.link.advance(seconds(600));
    EXPECT_EQ(rig.link.sent().size(), sent) << "nothing is repeated";
    EXPECT_FALSE(rig.host.set_parameters({{"", "x"}}));
}

TEST(KvpHost, TriesAParameterAgainThatADeadDaemonDidNotTake) {
    Rig rig;
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.set_parameters({{"HostName", "h"}}));
    rig.link.advance(seconds(36));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kLostCommunication);
    rig.link.held().clear();
    rig.link.set_silent(false);
    EXPECT_THAT(rig.store.pairs(KvpPool::kAutoExternal), IsEmpty());
    rig.link.advance(KvpHost::kMirrorRetry);
    EXPECT_THAT(rig.store.pairs(KvpPool::kAutoExternal), SizeIs(1));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

// Linux refuses at once while no daemon is there, and does not tell when one has come.
TEST(KvpHost, OffersAgainWhatWasRefusedForWantOfADaemon) {
    Rig rig;
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.set_parameters({{"HostName", "h"}, {"VirtualMachineName", "vm"}}));
    for (int count = 0; count < 2; ++count) {
        rig.link.pump();
        ASSERT_THAT(rig.link.held(), SizeIs(1)) << "each is offered once";
        const Bytes request = std::exchange(rig.link.held(), {}).front();
        ASSERT_TRUE(rig.link.inject(wire::format_ic_reply(request, wire::kIcFail, {})));
    }
    rig.link.pump();
    EXPECT_THAT(rig.link.held(), IsEmpty());
    EXPECT_THAT(rig.host.take_pushed(), IsEmpty());
    rig.link.set_silent(false);
    rig.link.advance(KvpHost::kMirrorRetry);
    EXPECT_THAT(rig.store.pairs(KvpPool::kAutoExternal), SizeIs(2));
    EXPECT_THAT(rig.host.take_pushed(),
                ElementsAre(KvpHost::Pushed{.pool = KvpPool::kAutoExternal, .count = 2}));
}

// Linux answers for a daemon that hangs, after 30 s each time.
TEST(KvpHost, LeavesASilentDaemonAloneForAMinute) {
    Rig rig;
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.set_parameters({{"HostName", "h"}, {"VirtualMachineName", "vm"}}));
    rig.link.advance(seconds(30));
    ASSERT_THAT(rig.link.held(), SizeIs(1));
    const Bytes request = std::exchange(rig.link.held(), {}).front();
    ASSERT_TRUE(rig.link.inject(wire::format_ic_reply(request, wire::kIcFail, {})));
    rig.link.pump();
    EXPECT_THAT(rig.link.held(), IsEmpty()) << "the second pair would cost as long";
    rig.link.set_silent(false);
    rig.link.advance(KvpHost::kMirrorRetry);
    EXPECT_THAT(rig.store.pairs(KvpPool::kAutoExternal), SizeIs(2));
}

TEST(KvpHost, KeepsAPairThatARequestHasSetWithoutWritingItAgain) {
    Rig rig;
    const KvpPair pair{"role", "db"};
    EXPECT_EQ(rig.end_of(rig.host.set(KvpPool::kExternal, pair, rig.link.clocks())).outcome,
              Outcome::kDone);
    const auto sent = rig.link.sent().size();
    ASSERT_TRUE(rig.host.keep_external(pair));
    rig.link.advance(seconds(10));
    EXPECT_EQ(rig.link.sent().size(), sent);
    rig.link.close();
    ASSERT_TRUE(rig.store.remove(KvpPool::kExternal, "role"));
    rig.link.open();
    EXPECT_THAT(rig.store.pairs(KvpPool::kExternal), ElementsAre(pair));
    rig.host.forget_external("role");
    rig.link.pump();
    EXPECT_THAT(rig.store.pairs(KvpPool::kExternal), ElementsAre(pair)) << "not ours any more";
    EXPECT_FALSE(rig.host.keep_external({"", "x"}));
}

TEST(KvpHost, ReadsAndSetsIpSettings) {
    Rig rig;
    KvpIpInfo info;
    info.adapter = "00:15:5D:01:02:03";
    info.ipv4 = true;
    info.addresses = {"192.168.1.4"};
    info.subnets = {"255.255.255.0"};
    rig.store.add_adapter(info);
    const auto read = rig.end_of(rig.host.get_ip_info("00:15:5d:01:02:03", rig.link.clocks()));
    EXPECT_EQ(read.ip_info, info);
    info.addresses = {"10.0.0.9"};
    EXPECT_EQ(rig.end_of(rig.host.set_ip_info(info, rig.link.clocks())).outcome, Outcome::kDone);
    EXPECT_EQ(rig.store.ip_info(info.adapter), info);
    info.adapter = "{unknown}";
    const auto unknown = rig.end_of(rig.host.set_ip_info(info, rig.link.clocks()));
    EXPECT_EQ(unknown.status, wire::kIcGuidNotFound);
    EXPECT_EQ(unknown.error->code, Errc::kNotFound);
}

TEST(KvpHost, SkipsPairsThatTheGuestCannotExpressAndGivesUpAfterAFew) {
    Rig rig;
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.list(KvpPool::kGuest, rig.link.clocks()));
    const auto reply = [&](uint32_t status, const Bytes& body) {
        rig.link.pump();
        const Bytes request = rig.link.held().back();
        rig.link.held().clear();
        EXPECT_TRUE(rig.link.inject(wire::format_ic_reply(request, status, body)));
    };
    const auto pair = *wire::format_kvp_enumerated(KvpPool::kGuest, 0, {"k", "v"});
    Bytes garbage = pair;
    garbage[12] = std::byte{0xff};
    garbage[13] = std::byte{0xff};
    reply(wire::kIcOk, garbage);
    reply(wire::kIcFail, {});
    reply(wire::kIcFail, {});  // asked for once more
    reply(wire::kIcOk, pair);
    reply(wire::kIcNoMoreItems, {});
    auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_THAT(effects[0].pairs, ElementsAre(KvpPair{"k", "v"}));
    EXPECT_EQ(effects[0].unreadable, 2U);

    ASSERT_TRUE(rig.host.list(KvpPool::kGuest, rig.link.clocks()));
    for (uint32_t count = 0; count < 2 * KvpJob::kMaxUnreadableInRow; ++count) {
        reply(wire::kIcFail, {});
    }
    effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_EQ(effects[0].outcome, Outcome::kRefused);
    EXPECT_EQ(effects[0].status, wire::kIcFail);
}

// Linux answers so for the request under way when its daemon is killed; the next one knows the
// pair.
TEST(KvpHost, AsksOnceMoreForAPairThatTheGuestRefused) {
    Rig rig;
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.list(KvpPool::kGuest, rig.link.clocks()));
    const auto reply = [&](uint32_t status, const Bytes& body) {
        rig.link.pump();
        const Bytes request = rig.link.held().back();
        rig.link.held().clear();
        EXPECT_TRUE(rig.link.inject(wire::format_ic_reply(request, status, body)));
    };
    reply(wire::kIcFail, {});
    reply(wire::kIcOk, *wire::format_kvp_enumerated(KvpPool::kGuest, 0, {"k", "v"}));
    reply(wire::kIcNoMoreItems, {});
    const auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_THAT(effects[0].pairs, ElementsAre(KvpPair{"k", "v"}));
    EXPECT_EQ(effects[0].unreadable, 0U);
}

TEST(KvpHost, SurvivesEveryTruncatedAnswer) {
    Rig rig;
    ASSERT_TRUE(rig.store.set(KvpPool::kGuest, {"k", "v"}));
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.host.list(KvpPool::kGuest, rig.link.clocks()));
    rig.link.pump();
    const auto whole = **rig.guest.packet_received(rig.link.held().back(), rig.link.clocks());
    for (size_t length = 0; length < whole.size(); ++length) {
        ASSERT_FALSE(rig.link.inject(ByteView(whole).first(length))) << length;
    }
    EXPECT_TRUE(rig.link.inject(whole));
}

TEST(KvpHost, WaitsForADaemonThatRegistersLate) {
    MemoryKvpStore store;
    KvpHost host;
    KvpGuest guest(store);
    FakeLink link(host, guest);
    link.set_silent(true);
    link.open();
    link.advance(seconds(300));
    const auto report = host.report(link.clocks());
    EXPECT_EQ(report.primary, Primary::kNoContact);
    EXPECT_THAT(report.explanation, ::testing::HasSubstr("no daemon has registered"));
    link.set_silent(false);
    EXPECT_EQ(host.report(link.clocks()).primary, Primary::kOk);
    EXPECT_EQ(host.report(link.clocks()).message, (Version{5, 0}));
}

TEST(KvpHost, MissesADaemonThatHasNotRegisteredForAMinute) {
    MemoryKvpStore store;
    KvpHost host;
    KvpGuest guest(store);
    FakeLink link(host, guest);
    link.set_silent(true);
    link.open();
    link.advance(seconds(59));
    link.pause();
    link.advance(seconds(600));
    link.resume();
    link.advance(seconds(59));
    EXPECT_FALSE(host.daemon_missing()) << "a pause is not held against it";
    link.advance(seconds(1));
    EXPECT_TRUE(host.daemon_missing());
    link.advance(seconds(600));
    EXPECT_TRUE(host.daemon_missing());
    link.set_silent(false);
    EXPECT_FALSE(host.daemon_missing());
}

TEST(KvpHost, DoesNotMissADaemonOfADriverThatIsNotThere) {
    MemoryKvpStore store;
    KvpHost host;
    KvpGuest guest(store);
    FakeLink link(host, guest);
    link.set_silent(true);
    link.open();
    link.advance(seconds(60));
    link.close();
    EXPECT_FALSE(host.daemon_missing());
}

TEST(KvpHost, TellsHowManyPairsItHasWrittenOfItsOwn) {
    MemoryKvpStore store;
    KvpHost host;
    KvpGuest guest(store);
    FakeLink link(host, guest);
    ASSERT_TRUE(host.set_parameters({{"HostName", "h"}, {"VirtualMachineName", "v"}}));
    link.open();
    EXPECT_THAT(host.take_pushed(), ElementsAre(KvpHost::Pushed{KvpPool::kAutoExternal, 2}));
    ASSERT_TRUE(host.set_external({{"a", "1"}, {"b", "2"}, {"c", "3"}}));
    link.pump();
    EXPECT_THAT(host.take_pushed(), ElementsAre(KvpHost::Pushed{KvpPool::kExternal, 3}));
    ASSERT_TRUE(host.set_external({{"a", "1"}, {"b", "4"}}));
    link.pump();
    EXPECT_THAT(host.take_pushed(), ElementsAre(KvpHost::Pushed{KvpPool::kExternal, 1}))
        << "one changed; the one removed was not written";
    link.close();
    link.open();
    EXPECT_THAT(host.take_pushed(), ElementsAre(KvpHost::Pushed{KvpPool::kAutoExternal, 2},
                                                KvpHost::Pushed{KvpPool::kExternal, 2}));
}

TEST(KvpHost, RefusesWhilePausedAndGoesOnAfterwards) {
    Rig rig;
    rig.link.pause();
    EXPECT_EQ(rig.host.list(KvpPool::kAuto, rig.link.clocks()).error(), kErrorPaused);
    rig.link.resume();
    EXPECT_EQ(rig.end_of(rig.host.list(KvpPool::kAuto, rig.link.clocks())).outcome, Outcome::kDone);
}

TEST(KvpGuest, AnswersAGet) {
    Rig rig;
    ASSERT_TRUE(rig.store.set(KvpPool::kGuest, {"k", "v"}));
    const auto body =
        wire::format_kvp_request(wire::KvpGet{.pool = KvpPool::kGuest, .key = "k"}, {5, 0});
    wire::IcHeader header;
    header.type = 2;
    const auto reply =
        rig.guest.packet_received(wire::format_ic_packet(header, *body), rig.link.clocks());
    ASSERT_TRUE(reply && *reply);
    const auto packet = wire::parse_ic_packet(**reply);
    EXPECT_EQ(wire::parse_kvp_got(packet->body), (KvpPair{"k", "v"}));
}

}  // namespace
}  // namespace hvis::ic
