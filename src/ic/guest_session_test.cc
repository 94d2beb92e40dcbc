#include "ic/guest_session.h"

#include <array>

#include <gtest/gtest.h>

#include "wire/negotiate.h"

namespace hvis::ic {
namespace {

constexpr std::array<Version, 3> kVersions = {{{4, 0}, {3, 0}, {1, 0}}};

Bytes offer(std::vector<Version> framework, std::vector<Version> message) {
    wire::IcHeader header;
    header.flags = wire::kIcTransaction | wire::kIcRequest;
    return wire::format_ic_packet(
        header, wire::format_negotiate_offer(
                    {.framework = std::move(framework), .message = std::move(message)}));
}

std::optional<wire::NegotiateChoice> answer(const Bytes& packet) {
    GuestSession session(wire::IcMessageType::kTimeSync, kVersions);
    const auto received = session.receive(packet);
    EXPECT_TRUE(received);
    const auto& reply = std::get<Bytes>(*received);
    EXPECT_EQ(reply.size(), packet.size()) << "the reply has the request's length";
    return *wire::parse_negotiate_choice(wire::parse_ic_packet(reply)->body);
}

TEST(GuestSession, ChoosesItsNewestThatTheHostOffers) {
    const auto choice = answer(offer({{1, 0}, {3, 0}}, {{1, 0}, {3, 0}, {9, 9}}));
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->framework, (Version{3, 0}));
    EXPECT_EQ(choice->message, (Version{3, 0}));
}

TEST(GuestSession, AnswersCountsOfZeroWhenNothingFits) {
    EXPECT_FALSE(answer(offer({{3, 0}}, {{5, 0}, {6, 0}})));
    EXPECT_FALSE(answer(offer({{2, 0}, {2, 1}}, {{4, 0}})));
    EXPECT_FALSE(answer(offer({{3, 0}}, std::vector<Version>(101))));
}

TEST(GuestSession, FailsOtherServicesAndTakesNoRequestBeforeNegotiation) {
    GuestSession session(wire::IcMessageType::kTimeSync, kVersions);
    wire::IcHeader header;
    header.type = 1;
    const auto other = session.receive(wire::format_ic_packet(header, {}));
    ASSERT_TRUE(other);
    EXPECT_EQ(wire::parse_ic_packet(std::get<Bytes>(*other))->header.status, wire::kIcFail);
    header.type = 4;
    EXPECT_FALSE(session.receive(wire::format_ic_packet(header, {})));
}

TEST(GuestSession, RefusesEveryPrefix) {
    GuestSession session(wire::IcMessageType::kTimeSync, kVersions);
    const Bytes whole = offer({{3, 0}}, {{4, 0}});
    for (size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(session.receive(ByteView(whole).first(length))) << length;
    }
}

}  // namespace
}  // namespace hvis::ic
