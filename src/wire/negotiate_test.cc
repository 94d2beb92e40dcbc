#include "wire/negotiate.h"

#include <array>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wire/captured_packets.h"
#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

const NegotiateOffer kOffer{.framework = {{1, 0}, {3, 0}}, .message = {{1, 0}, {3, 0}, {3, 2}}};
const Bytes kOfferBytes = format_negotiate_offer(kOffer);

/// What hvis offered a Linux guest, and what the guest chose.
struct Negotiation {
    std::string_view offer_packet;
    NegotiateOffer offer;
    std::string_view choice_packet;
    NegotiateChoice choice;
};
const std::vector<IcVersion> kFrameworks = {{1, 0}, {3, 0}};
const std::array<Negotiation, 4> kNegotiations = {{
    {captured::kHeartbeatOffer,
     {.framework = kFrameworks, .message = {{1, 0}, {3, 0}}},
     captured::kHeartbeatChoice,
     {.framework = {3, 0}, .message = {3, 0}}},
    {captured::kShutdownOffer,
     {.framework = kFrameworks, .message = {{1, 0}, {3, 0}, {3, 1}, {3, 2}}},
     captured::kShutdownChoice,
     {.framework = {3, 0}, .message = {3, 2}}},
    {captured::kTimeSyncOffer,
     {.framework = kFrameworks, .message = {{1, 0}, {3, 0}, {4, 0}}},
     captured::kTimeSyncChoice,
     {.framework = {3, 0}, .message = {4, 0}}},
    {captured::kKvpOffer,
     {.framework = kFrameworks, .message = {{3, 0}, {4, 0}, {5, 0}}},
     captured::kKvpChoice,
     {.framework = {3, 0}, .message = {4, 0}}},
}};

TEST(Negotiate, MatchesTheBytesThatALinuxGuestTookAndAnswered) {
    for (const auto& each : kNegotiations) {
        EXPECT_EQ(format_negotiate_offer(each.offer), body_of(each.offer_packet));
        EXPECT_EQ(parse_negotiate_offer(body_of(each.offer_packet)), each.offer);
        EXPECT_EQ(format_negotiate_choice(each.choice), body_of(each.choice_packet));
        EXPECT_EQ(*parse_negotiate_choice(body_of(each.choice_packet)), each.choice);
    }
}

TEST(Negotiate, RefusesEveryPrefixOfAnOffer) {
    expect_prefixes_fail(kOfferBytes, kOfferBytes.size(), parse_negotiate_offer);
}

TEST(Negotiate, RefusesMoreVersionsThanLinuxDoes) {
    const NegotiateOffer most{.framework = std::vector<IcVersion>(kMaxNegotiateVersions),
                              .message = std::vector<IcVersion>(kMaxNegotiateVersions)};
    EXPECT_TRUE(parse_negotiate_offer(format_negotiate_offer(most)));
    const NegotiateOffer more{.framework = {},
                              .message = std::vector<IcVersion>(kMaxNegotiateVersions + 1)};
    EXPECT_FALSE(parse_negotiate_offer(format_negotiate_offer(more)));
}

TEST(Negotiate, RefusesEveryPrefixOfAChoice) {
    const Bytes bytes = body_of(captured::kShutdownChoice);
    EXPECT_EQ(bytes.size(), kNegotiateReplySize);
    expect_prefixes_fail(bytes, bytes.size(), parse_negotiate_choice);
}

TEST(Negotiate, ReadsCountsOfZeroAsARefusalWhateverFollows) {
    // Linux leaves the host's counts where the versions would be.
    const auto refusal = parse_negotiate_choice(hex("0000 0000 00000000 02000000 04000000"));
    ASSERT_TRUE(refusal);
    EXPECT_FALSE(*refusal);
    EXPECT_EQ(*parse_negotiate_choice(format_negotiate_choice(std::nullopt)), std::nullopt);
}

TEST(Negotiate, RefusesRepliesThatChooseNotExactlyOne) {
    EXPECT_FALSE(parse_negotiate_choice(hex("0100 0000 00000000 03000000 03000200")));
    EXPECT_FALSE(parse_negotiate_choice(hex("0000 0100 00000000 03000000 03000200")));
    EXPECT_FALSE(parse_negotiate_choice(hex("0200 0300 00000000 03000000 03000200")));
}

}  // namespace
}  // namespace hvis::wire
