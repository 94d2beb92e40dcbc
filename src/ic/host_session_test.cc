#include "ic/host_session.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/guest_session.h"
#include "wire/negotiate.h"

namespace hvis::ic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Event = HostSession::Event;
using Phase = HostSession::Phase;

constexpr std::array<Version, 2> kVersions = {{{1, 0}, {3, 0}}};
constexpr SessionProfile kProfile{.type = wire::IcMessageType::kHeartbeat, .versions = kVersions};
constexpr TimePoint kStart{std::chrono::hours(1)};

/// The guest's answer to a negotiation: these counts and versions.
Bytes choice(const Bytes& offer, Version framework, Version message) {
    return wire::format_ic_reply(offer, wire::kIcOk,
                                 wire::format_negotiate_choice(wire::NegotiateChoice{
                                     .framework = framework, .message = message}),
                                 wire::kNegotiateReplySize);
}

Bytes answer(const Bytes& request, uint32_t status = wire::kIcOk) {
    return wire::format_ic_reply(request, status, {});
}

HostSession ready_session() {
    HostSession session(kProfile);
    session.opened(kStart);
    const auto offer = session.next_offer(kStart);
    EXPECT_TRUE(offer);
    const auto received = session.receive(choice(*offer, {3, 0}, {3, 0}), kStart);
    EXPECT_TRUE(received && received->event == Event::kNegotiated);
    return session;
}

TEST(HostSession, OffersOnceAndTakesTheGuestsChoice) {
    HostSession session(kProfile);
    EXPECT_FALSE(session.next_offer(kStart));
    session.opened(kStart);
    const auto offer = session.next_offer(kStart);
    ASSERT_TRUE(offer);
    EXPECT_FALSE(session.next_offer(kStart));
    const auto received = session.receive(choice(*offer, {1, 0}, {3, 0}), kStart);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->event, Event::kNegotiated);
    EXPECT_EQ(session.message_version(), (Version{3, 0}));
    EXPECT_EQ(session.report().framework, (Version{1, 0}));
}

TEST(HostSession, OffersNoVersionAboveItsCap) {
    const auto offered = [](std::optional<Version> newest) {
        HostSession session(kProfile, newest);
        session.opened(kStart);
        const auto offer = session.next_offer(kStart);
        EXPECT_TRUE(offer);
        return wire::parse_negotiate_offer(wire::parse_ic_packet(*offer)->body)->message;
    };
    EXPECT_THAT(offered({}), ElementsAre(Version{1, 0}, Version{3, 0}));
    EXPECT_THAT(offered({{4, 0}}), ElementsAre(Version{1, 0}, Version{3, 0}));
    EXPECT_THAT(offered({{2, 9}}), ElementsAre(Version{1, 0}));
    EXPECT_THAT(offered({{0, 9}}), ElementsAre(Version{1, 0})) << "never none at all";
}

TEST(HostSession, DropsAChoiceAboveItsCap) {
    HostSession session(kProfile, Version{1, 0});
    session.opened(kStart);
    const auto offer = session.next_offer(kStart);
    EXPECT_FALSE(session.receive(choice(*offer, {3, 0}, {3, 0}), kStart));
    EXPECT_TRUE(session.receive(choice(*offer, {3, 0}, {1, 0}), kStart));
    EXPECT_EQ(session.message_version(), (Version{1, 0}));
    EXPECT_THAT(session.newer_version_remedy(), HasSubstr("max_version"));
}

TEST(HostSession, NegotiatesEveryPairOfVersionsThatAGuestCanHave) {
    constexpr std::array<std::array<Version, 1>, 2> kGuests = {{{{{3, 0}}}, {{{1, 0}}}}};
    for (const auto& versions : kGuests) {
        GuestSession guest(wire::IcMessageType::kHeartbeat, versions);
        HostSession session(kProfile);
        session.opened(kStart);
        const auto reply = guest.receive(*session.next_offer(kStart));
        ASSERT_TRUE(reply);
        const auto received = session.receive(std::get<Bytes>(*reply), kStart);
        ASSERT_TRUE(received);
        EXPECT_EQ(received->event, Event::kNegotiated);
        EXPECT_EQ(session.message_version(), versions[0]);
    }
}

TEST(HostSession, CallsCountsOfZeroAMismatch) {
    constexpr std::array<Version, 1> kForeign = {{{9, 0}}};
    GuestSession guest(wire::IcMessageType::kHeartbeat, kForeign);
    HostSession session(kProfile);
    session.opened(kStart);
    const auto reply = guest.receive(*session.next_offer(kStart));
    ASSERT_TRUE(reply);
    const auto received = session.receive(std::get<Bytes>(*reply), kStart);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->event, Event::kMismatch);
    EXPECT_EQ(session.report().primary, Primary::kNonRecoverableError);
    EXPECT_EQ(session.report().secondary, Secondary::kProtocolMismatch);
    session.opened(kStart);
    EXPECT_TRUE(session.next_offer(kStart)) << "a reopened channel negotiates again";
}

TEST(HostSession, DropsAChoiceThatWasNotOffered) {
    HostSession session(kProfile);
    session.opened(kStart);
    const auto offer = session.next_offer(kStart);
    EXPECT_FALSE(session.receive(choice(*offer, {3, 0}, {3, 1}), kStart));
    EXPECT_FALSE(session.receive(choice(*offer, {2, 0}, {3, 0}), kStart));
    EXPECT_EQ(session.phase(), Phase::kNegotiating);
    EXPECT_TRUE(session.receive(choice(*offer, {3, 0}, {3, 0}), kStart));
    EXPECT_TRUE(session.ready());
}

TEST(HostSession, CallsAChoiceThatWasNotOfferedAMismatchAfterTheLastOffer) {
    HostSession session(kProfile);
    session.opened(kStart);
    TimePoint now = kStart;
    for (int offers = 1; offers < HostSession::kMaxOffers; ++offers) {
        EXPECT_FALSE(session.receive(choice(*session.next_offer(now), {3, 0}, {9, 0}), now));
        EXPECT_EQ(session.phase(), Phase::kNegotiating);
        now += HostSession::kNegotiationTimeout;
        session.timer_fired(now);
    }
    const auto received = session.receive(choice(*session.next_offer(now), {3, 0}, {9, 0}), now);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->event, Event::kMismatch);
    EXPECT_EQ(session.report().secondary, Secondary::kProtocolMismatch);
    EXPECT_FALSE(session.offer_overdue());
    EXPECT_FALSE(session.next_deadline());
}

TEST(HostSession, RefusesEveryPrefixOfAChoice) {
    HostSession session(kProfile);
    session.opened(kStart);
    const auto whole = choice(*session.next_offer(kStart), {3, 0}, {3, 0});
    for (size_t length = 0; length < wire::kIcBodyOffset + wire::kNegotiateReplySize; ++length) {
        EXPECT_FALSE(session.receive(ByteView(whole).first(length), kStart)) << length;
    }
    EXPECT_TRUE(session.receive(whole, kStart));
}

TEST(HostSession, DropsStalePacketsWhileNegotiating) {
    HostSession session = ready_session();
    const Bytes request = session.begin({});
    session.opened(kStart);
    const auto offer = session.next_offer(kStart);
    const auto stale = session.receive(answer(request), kStart);
    ASSERT_TRUE(stale);
    EXPECT_EQ(stale->event, Event::kNothing);
    EXPECT_TRUE(session.receive(choice(*offer, {3, 0}, {3, 0}), kStart));
}

TEST(HostSession, DropsAChoiceBeforeTheOffer) {
    HostSession other(kProfile);
    other.opened(kStart);
    const auto offer = other.next_offer(kStart);
    HostSession session(kProfile);
    session.opened(kStart);
    const auto early = session.receive(choice(*offer, {3, 0}, {3, 0}), kStart);
    ASSERT_TRUE(early);
    EXPECT_EQ(early->event, Event::kNothing);
    EXPECT_EQ(session.phase(), Phase::kNegotiating);
}

TEST(HostSession, RepeatsTheOfferAFewTimesAndStillTakesALateAnswer) {
    HostSession session(kProfile);
    session.opened(kStart);
    const auto first = session.next_offer(kStart);
    TimePoint now = kStart;
    int repeats = 0;
    while (const auto due = session.next_deadline()) {
        now = *due;
        session.timer_fired(now);
        repeats += session.next_offer(now) ? 1 : 0;
        ASSERT_LT(repeats, 10);
    }
    EXPECT_EQ(repeats, HostSession::kMaxOffers - 1);
    EXPECT_TRUE(session.receive(choice(*first, {3, 0}, {3, 0}), now));
    EXPECT_TRUE(session.ready());
    const auto second = session.receive(choice(*first, {1, 0}, {1, 0}), now);
    ASSERT_TRUE(second);
    EXPECT_EQ(session.message_version(), (Version{3, 0})) << "the answer to a repeat is dropped";
}

TEST(HostSession, MatchesAnswersByTransactionAndOnce) {
    HostSession session = ready_session();
    const Bytes request = session.begin({});
    EXPECT_FALSE(session.can_begin());
    Bytes wrong = answer(request);
    wrong[24] ^= std::byte{1};
    EXPECT_EQ(session.receive(wrong, kStart)->event, Event::kNothing);
    EXPECT_TRUE(session.busy());
    const auto right = session.receive(answer(request, wire::kIcFail), kStart);
    EXPECT_EQ(right->event, Event::kReply);
    EXPECT_EQ(right->status, wire::kIcFail);
    EXPECT_EQ(session.receive(answer(request), kStart)->event, Event::kNothing) << "a duplicate";
}

TEST(HostSession, RefusesWhatIsNotTheAnswerToATransaction) {
    HostSession session = ready_session();
    const Bytes request = session.begin({});
    EXPECT_FALSE(session.receive(request, kStart)) << "our own request come back";
    Bytes no_transaction = answer(request);
    no_transaction[25] = std::byte{wire::kIcResponse};
    EXPECT_FALSE(session.receive(no_transaction, kStart));
    Bytes other_service = answer(request);
    other_service[12] = std::byte{2};
    EXPECT_FALSE(session.receive(other_service, kStart));
    EXPECT_TRUE(session.busy());
}

TEST(HostSession, DropsLateAnswersAndHoldsBackFromASilentGuest) {
    HostSession session = ready_session();
    std::vector<Bytes> requests;
    for (int count = 0; count < HostSession::kMaxAbandoned; ++count) {
        ASSERT_TRUE(session.can_begin());
        requests.push_back(session.begin({}));
        session.time_out(kStart);
    }
    EXPECT_TRUE(session.unresponsive());
    EXPECT_TRUE(session.take_signal_again());
    EXPECT_FALSE(session.take_signal_again());
    EXPECT_FALSE(session.can_begin());
    EXPECT_EQ(session.receive(answer(requests[0]), kStart)->event, Event::kNothing);
    EXPECT_FALSE(session.unresponsive());
    EXPECT_TRUE(session.can_begin());
}

TEST(HostSession, ForgetsLostTransactionsAfterAWhile) {
    HostSession session = ready_session();
    for (int count = 0; count < HostSession::kMaxAbandoned; ++count) {
        (void)session.begin({});
        session.time_out(kStart);
    }
    ASSERT_EQ(session.next_deadline(), kStart + HostSession::kForgetAbandoned);
    session.timer_fired(kStart + HostSession::kForgetAbandoned);
    EXPECT_TRUE(session.can_begin());
}

TEST(HostSession, GivesTheGuestItsTimeAnewAfterAPause) {
    HostSession session(kProfile);
    session.opened(kStart);
    ASSERT_TRUE(session.next_offer(kStart));
    session.paused(kStart);
    session.paused(kStart + std::chrono::seconds(1));
    const TimePoint later = kStart + (10 * HostSession::kNegotiationTimeout);
    session.timer_fired(later);
    EXPECT_FALSE(session.offer_overdue()) << "another timer of the service";
    EXPECT_EQ(session.resumed(later), later - kStart);
    EXPECT_EQ(session.next_deadline(), later + HostSession::kNegotiationTimeout);
    EXPECT_EQ(session.resumed(later + std::chrono::seconds(1)), Duration::zero());
    EXPECT_EQ(session.next_deadline(), later + HostSession::kNegotiationTimeout)
        << "it was not paused any more";
}

TEST(HostSession, SaysWhatToDoForABrokenChannelAndNegotiatesOnTheNextOne) {
    HostSession session = ready_session();
    const Bytes request = session.begin({});
    session.broken();
    EXPECT_EQ(session.report().primary, Primary::kNonRecoverableError);
    EXPECT_EQ(session.report().secondary, Secondary::kCommunicationFailed);
    EXPECT_THAT(session.report().explanation, HasSubstr("its driver must be reloaded"));
    EXPECT_EQ(session.refusal(), kErrorNotConnected);
    EXPECT_EQ(session.receive(answer(request), kStart)->event, Event::kNothing);
    EXPECT_FALSE(session.next_offer(kStart));
    EXPECT_FALSE(session.next_deadline());
    session.opened(kStart);
    EXPECT_TRUE(session.next_offer(kStart));
}

TEST(HostSession, NeverReusesATransactionSoonNotEvenAfterReopening) {
    HostSession session = ready_session();
    const Bytes first = session.begin({});
    session.closed();
    session.opened(kStart);
    const auto offer = session.next_offer(kStart);
    (void)session.receive(choice(*offer, {3, 0}, {3, 0}), kStart);
    for (int count = 0; count < 254; ++count) {
        const Bytes request = session.begin({});
        EXPECT_NE(request[24], first[24]);
        EXPECT_NE(request[24], std::byte{0});
        session.forget();
    }
}

TEST(HostSession, NamesTheFailedLink) {
    HostSession session(
        {.type = wire::IcMessageType::kKvp, .versions = kVersions, .needs_daemon = true});
    EXPECT_THAT(session.report().explanation, HasSubstr("hv_utils"));
    session.opened(kStart);
    EXPECT_EQ(session.report().primary, Primary::kNoContact);
    EXPECT_EQ(session.report().explanation,
              "the guest has the driver, but no daemon has registered: install hyperv-daemons or "
              "hvis-guest");
    EXPECT_EQ(session.refusal(), kErrorNotConnected);
    session.set_enabled(false);
    EXPECT_EQ(session.report().primary, Primary::kDisabled);
    EXPECT_EQ(session.refusal(), kErrorDisabled);
}

}  // namespace
}  // namespace hvis::ic
