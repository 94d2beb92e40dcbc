#include "wire/negotiate.h"

#include <gtest/gtest.h>

#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

const NegotiateOffer kOffer{.framework = {{1, 0}, {3, 0}}, .message = {{1, 0}, {3, 0}, {3, 2}}};
const Bytes kOfferBytes = hex("0200 0300 00000000 01000000 03000000 01000000 03000000 03000200");

TEST(Negotiate, OffersByteForByte) {
    EXPECT_EQ(format_negotiate_offer(kOffer), kOfferBytes);
    EXPECT_EQ(parse_negotiate_offer(kOfferBytes), kOffer);
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

TEST(Negotiate, ChoosesByteForByte) {
    const auto bytes = hex("0100 0100 00000000 03000000 03000200");
    const NegotiateChoice choice{.framework = {3, 0}, .message = {3, 2}};
    EXPECT_EQ(format_negotiate_choice(choice), bytes);
    EXPECT_EQ(bytes.size(), kNegotiateReplySize);
    EXPECT_EQ(*parse_negotiate_choice(bytes), choice);
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
