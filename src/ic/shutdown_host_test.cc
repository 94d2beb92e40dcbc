#include "ic/shutdown_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/fake_link.h"
#include "ic/shutdown_guest.h"

namespace hvis::ic {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Finished = ShutdownHost::Finished;

struct Rig {
    ShutdownHost host;
    ShutdownGuest guest;
    FakeLink link{host, guest};

    Result<RequestId> ask(ShutdownKind kind = ShutdownKind::kShutdown) {
        ShutdownRequest request;
        request.kind = kind;
        auto id = host.request(request, link.clocks());
        link.pump();
        return id;
    }
};

TEST(ShutdownHost, OrdersEveryKindAndReportsAcceptance) {
    for (const auto kind :
         {ShutdownKind::kShutdown, ShutdownKind::kRestart, ShutdownKind::kHibernate}) {
        for (const auto force : {ShutdownForce::kNo, ShutdownForce::kYes}) {
            Rig rig;
            rig.guest.set_hibernation_supported(true);
            rig.link.open();
            ShutdownRequest request;
            request.kind = kind;
            request.force = force;
            request.message = "maintenance";
            request.guest_timeout = seconds(90);
            const auto id = rig.host.request(request, rig.link.clocks());
            ASSERT_TRUE(id);
            rig.link.pump();
            EXPECT_THAT(rig.guest.take_effects(),
                        ElementsAre(ShutdownGuest::Order{.kind = kind,
                                                         .force = force,
                                                         .reason = wire::kShutdownReasonPlanned,
                                                         .timeout_seconds = 90,
                                                         .message = "maintenance"}));
            EXPECT_THAT(rig.host.take_effects(),
                        ElementsAre(Finished{*id, kind, Outcome::kDone, 0}));
        }
    }
}

TEST(ShutdownHost, PassesTheGuestsRefusalOn) {
    Rig rig;
    rig.link.open();
    const auto id = rig.ask(ShutdownKind::kHibernate);
    ASSERT_TRUE(id);
    EXPECT_THAT(rig.host.take_effects(), ElementsAre(Finished{*id, ShutdownKind::kHibernate,
                                                              Outcome::kRefused, wire::kIcFail}));
    EXPECT_THAT(rig.guest.take_effects(), IsEmpty());
}

TEST(ShutdownHost, RefusesBeforeNegotiationWhilePausedAndWhileDisabled) {
    Rig rig;
    EXPECT_EQ(rig.ask().error(), kErrorNotConnected);
    rig.link.set_silent(true);
    rig.link.open();
    EXPECT_EQ(rig.ask().error(), kErrorNotConnected);
    rig.link.set_silent(false);
    rig.link.pause();
    EXPECT_EQ(rig.ask().error(), kErrorPaused);
    rig.link.resume();
    rig.host.set_enabled(false, rig.link.clocks());
    EXPECT_EQ(rig.ask().error(), kErrorDisabled);
}

TEST(ShutdownHost, TakesOneRequestAtATime) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.ask());
    EXPECT_EQ(rig.ask().error(), kErrorInProgress);
    rig.link.set_silent(false);
    EXPECT_EQ(rig.host.take_effects().size(), 1U);
    EXPECT_TRUE(rig.ask());
}

TEST(ShutdownHost, EndsAnUnansweredRequestAtItsDeadlineAndDropsTheLateAnswer) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    const auto id = rig.ask();
    rig.link.advance(seconds(31));
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(Finished{*id, ShutdownKind::kShutdown, Outcome::kTimedOut, 0}));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kLostCommunication);
    const auto second = rig.ask(ShutdownKind::kRestart);
    ASSERT_TRUE(second);
    rig.link.set_silent(false);
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(Finished{*second, ShutdownKind::kRestart, Outcome::kDone, 0}));
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(ShutdownHost, DoesNotHoldAPauseAgainstTheGuest) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    const auto id = rig.ask();
    rig.link.advance(seconds(20));
    rig.link.pause();
    rig.link.advance(seconds(9));
    rig.link.resume();
    rig.link.advance(seconds(9));
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
    rig.link.pause();
    rig.link.advance(seconds(1));
    EXPECT_THAT(rig.host.take_effects(),
                ElementsAre(Finished{*id, ShutdownKind::kShutdown, Outcome::kTimedOut, 0}))
        << "who asked waits no longer";
    rig.link.resume();
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(ShutdownHost, EndsTheRequestWhenTheChannelGoesOrTheServiceIsDisabled) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.ask());
    rig.link.close();
    EXPECT_EQ(rig.host.take_effects().at(0).outcome, Outcome::kGuestNotConnected);
    rig.link.set_silent(false);
    rig.link.open();
    rig.link.set_silent(true);
    ASSERT_TRUE(rig.ask());
    rig.host.set_enabled(false, rig.link.clocks());
    EXPECT_EQ(rig.host.take_effects().at(0).outcome, Outcome::kServiceDisabled);
    rig.link.close();
    EXPECT_THAT(rig.host.take_effects(), IsEmpty());
}

TEST(ShutdownHost, EndsTheRequestAtOnceWhenTheChannelBreaks) {
    Rig rig;
    rig.link.open();
    rig.link.set_silent(true);
    const auto id = rig.ask();
    ASSERT_TRUE(id);
    rig.link.break_rings();
    EXPECT_THAT(rig.host.take_effects(), ElementsAre(Finished{*id, ShutdownKind::kShutdown,
                                                              Outcome::kGuestNotConnected, 0}));
}

TEST(ShutdownHost, NothingIsReplayedAfterTheServiceIsEnabledAgain) {
    Rig rig;
    rig.link.open();
    ASSERT_TRUE(rig.host.request({}, rig.link.clocks()));
    rig.host.set_enabled(false, rig.link.clocks());
    rig.link.close();
    rig.host.set_enabled(true, rig.link.clocks());
    rig.link.open();
    rig.link.advance(seconds(60));
    EXPECT_THAT(rig.guest.take_effects(), IsEmpty());
}

TEST(ShutdownHost, CancelsBeforeAndAfterSending) {
    Rig rig;
    rig.link.open();
    const auto unsent = rig.host.request({}, rig.link.clocks());
    EXPECT_TRUE(rig.host.cancel(*unsent, rig.link.clocks()));
    rig.link.pump();
    EXPECT_THAT(rig.guest.take_effects(), IsEmpty());
    rig.link.set_silent(true);
    const auto sent = rig.ask();
    EXPECT_TRUE(rig.host.cancel(*sent, rig.link.clocks()));
    EXPECT_EQ(rig.host.cancel(*sent, rig.link.clocks()).error(), kErrorNoSuchRequest);
    rig.link.set_silent(false);
    EXPECT_EQ(rig.host.take_effects().size(), 2U);
    EXPECT_EQ(rig.host.report(rig.link.clocks()).primary, Primary::kOk);
}

TEST(ShutdownHost, ChecksTheTextAndTheTimeoutBeforeAnythingIsSent) {
    Rig rig;
    rig.link.open();
    ShutdownRequest request;
    request.message.assign(1024, 'x');
    EXPECT_EQ(rig.host.request(request, rig.link.clocks()).error().code, Errc::kLimit);
    request.message = "\xff";
    EXPECT_EQ(rig.host.request(request, rig.link.clocks()).error().code, Errc::kInvalid);
    request = {};
    request.answer_timeout = Duration::zero();
    EXPECT_EQ(rig.host.request(request, rig.link.clocks()).error().code, Errc::kInvalid);
}

TEST(ShutdownHost, KnowsWhatOldGuestsCannotDo) {
    struct OldGuest final : GuestService {
        explicit OldGuest(std::span<const Version> versions)
            : session(wire::IcMessageType::kShutdown, versions) {}
        Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks&) override {
            auto received = session.receive(packet);
            if (received && std::holds_alternative<Bytes>(*received)) {
                return std::get<Bytes>(*received);
            }
            return wire::format_ic_reply(packet, wire::kIcOk, {});
        }
        void channel_closed() override {}
        [[nodiscard]] std::optional<Version> message_version() const override { return {}; }
        GuestSession session;
    };
    constexpr std::array<Version, 1> kOld = {{{3, 0}}};
    OldGuest guest(kOld);
    ShutdownHost host;
    FakeLink link(host, guest);
    link.open();
    EXPECT_EQ(host.report(link.clocks()).primary, Primary::kDegraded);
    ShutdownRequest request;
    EXPECT_TRUE(host.request(request, link.clocks()));
    link.pump();
    request.kind = ShutdownKind::kRestart;
    EXPECT_EQ(host.request(request, link.clocks()).error().code, Errc::kUnsupported);
    request.kind = ShutdownKind::kHibernate;
    EXPECT_EQ(host.request(request, link.clocks()).error().code, Errc::kUnsupported);
}

TEST(ShutdownGuest, RefusesCombinationsThatLinuxRefuses) {
    Rig rig;
    rig.link.open();
    ASSERT_TRUE(rig.ask());
    Bytes order = rig.link.sent().back();
    for (const int flags : {6, 7, 8, 0x10}) {
        order[wire::kIcBodyOffset + 8] = static_cast<std::byte>(flags);
        const auto reply = rig.guest.packet_received(order, rig.link.clocks());
        ASSERT_TRUE(reply && *reply);
        EXPECT_EQ(wire::parse_ic_packet(**reply)->header.status, wire::kIcFail);
    }
    EXPECT_EQ(rig.guest.take_effects().size(), 1U);
}

}  // namespace
}  // namespace hvis::ic
