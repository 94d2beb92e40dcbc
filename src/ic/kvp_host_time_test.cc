// Requests that take long: late answers, and pauses of the VM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/fake_link.h"
#include "ic/kvp_guest.h"
#include "ic/kvp_host.h"

namespace hvis::ic {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A guest that answers when, and what, the test says.
struct Rig {
    MemoryKvpStore store;
    KvpHost host;
    KvpGuest guest{store};
    FakeLink link{host, guest};

    Rig() {
        link.open();
        link.set_silent(true);
    }

    /// Answers the one request that is on its way.
    void answer(uint32_t status, const Bytes& body = {}) {
        link.pump();
        ASSERT_THAT(link.held(), SizeIs(1));
        const Bytes request = std::exchange(link.held(), {}).front();
        EXPECT_TRUE(link.inject(wire::format_ic_reply(request, status, body)));
        link.pump();
    }
    Result<RequestId> list(Duration timeout = KvpHost::kMaxTimeout) {
        auto id = host.list(KvpPool::kGuest, link.clocks(), timeout);
        link.pump();
        return id;
    }
};

// Linux answers so for a daemon that hangs, 30 s after each request.
TEST(KvpHostTime, DoesNotAskOnWhenARefusalComesAsLateAsForASilentDaemon) {
    Rig rig;
    ASSERT_TRUE(rig.list());
    rig.link.advance(KvpHost::kSilentDaemon);
    rig.answer(wire::kIcFail);
    const auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_EQ(effects[0].outcome, Outcome::kRefused);
    EXPECT_EQ(effects[0].status, wire::kIcFail);
    EXPECT_THAT(rig.link.held(), IsEmpty());
}

TEST(KvpHostTime, TakesTheLateEndOfAListForWhatItIs) {
    Rig rig;
    ASSERT_TRUE(rig.list());
    rig.answer(wire::kIcOk, *wire::format_kvp_enumerated(KvpPool::kGuest, 0, {"k", "v"}));
    rig.link.advance(KvpHost::kSilentDaemon);
    rig.answer(wire::kIcNoMoreItems);
    const auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_EQ(effects[0].outcome, Outcome::kDone);
    EXPECT_THAT(effects[0].pairs, ElementsAre(KvpPair{"k", "v"}));
}

TEST(KvpHostTime, TakesALateWordThatAKeyIsMissingForWhatItIs) {
    for (const uint32_t status : {wire::kIcNoMoreItems, wire::kIcNotFound, wire::kIcFileNotFound}) {
        Rig rig;
        ASSERT_TRUE(rig.host.remove(KvpPool::kExternal, "k", rig.link.clocks(), seconds(60)));
        rig.link.advance(KvpHost::kSilentDaemon);
        rig.answer(status);
        const auto effects = rig.host.take_effects();
        ASSERT_THAT(effects, SizeIs(1));
        EXPECT_EQ(effects[0].error.value_or(Error{}).code, Errc::kNotFound);
    }
}

TEST(KvpHostTime, GoesOnWithItsOwnPairsWhenASlowDaemonHasNoRoomForOne) {
    Rig rig;
    ASSERT_TRUE(rig.host.set_parameters({{"HostName", "h"}, {"VirtualMachineName", "vm"}}));
    rig.link.advance(KvpHost::kSilentDaemon);
    rig.answer(wire::kIcNoMoreItems);
    EXPECT_THAT(rig.link.held(), SizeIs(1)) << "the second pair";
}

TEST(KvpHostTime, DoesNotTakeAPauseForASilentDaemon) {
    Rig rig;
    ASSERT_TRUE(rig.list());
    rig.link.advance(seconds(1));
    rig.link.pause();
    rig.link.advance(seconds(600));
    rig.link.resume();
    rig.answer(wire::kIcFail);
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
    EXPECT_THAT(rig.link.held(), SizeIs(1)) << "asked once more";
}

TEST(KvpHostTime, GivesTheGuestAllOfTheTimeoutToRunIn) {
    Rig rig;
    const auto sent = rig.list(seconds(10));
    const auto waiting = rig.host.list(KvpPool::kAuto, rig.link.clocks(), seconds(10));
    rig.link.advance(seconds(4));
    rig.link.pause();
    rig.link.advance(seconds(5));
    rig.link.resume();
    rig.link.advance(seconds(5));
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    rig.link.advance(seconds(1));
    const auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(2));
    EXPECT_EQ(effects[0].id, *sent);
    EXPECT_EQ(effects[0].outcome, Outcome::kTimedOut);
    EXPECT_EQ(effects[1].id, *waiting);
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kLostCommunication);
}

TEST(KvpHostTime, EndsARequestInAPauseThatIsLongerThanItsTimeout) {
    Rig rig;
    ASSERT_TRUE(rig.list(seconds(10)));
    rig.link.pause();
    rig.link.advance(seconds(10));
    const auto effects = rig.host.take_effects();
    ASSERT_THAT(effects, SizeIs(1));
    EXPECT_EQ(effects[0].outcome, Outcome::kTimedOut);
    rig.link.resume();
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(KvpHostTime, EndsNothingOfItsOwnInAPause) {
    Rig rig;
    ASSERT_TRUE(rig.host.set_parameters({{"HostName", "h"}}));
    rig.link.pump();
    rig.link.pause();
    rig.link.advance(seconds(600));
    rig.link.resume();
    rig.link.advance(seconds(1));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
    rig.link.set_silent(false);
    EXPECT_THAT(rig.store.pairs(KvpPool::kAutoExternal), ElementsAre(KvpPair{"HostName", "h"}));
    EXPECT_THAT(rig.host.take_pushed(), SizeIs(1));
}

}  // namespace
}  // namespace hvis::ic
