#include "wire/timesync.h"

#include <gtest/gtest.h>

#include "wire/captured_packets.h"
#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

constexpr IcVersion kOld{3, 0};
constexpr IcVersion kNew{4, 0};

const TimeSample kOldSample{
    .parent_time = 0x01d9000000000001, .child_time = 2, .round_trip = 3, .flags = kTimeSyncSync};
const TimeSample kNewSample{.parent_time = 0x01d9000000000001,
                            .reference_time = 0x42,
                            .flags = kTimeSyncSample,
                            .leap = 1,
                            .stratum = 5};

// Bytes of our own, with every field set; those of a guest are in ic/captured_versions_test.cc.
TEST(TimeSync, FormatsVersionThreeByteForByte) {
    EXPECT_EQ(format_time_sample(kOldSample, kOld),
              hex("010000000000d901 0200000000000000 0300000000000000 01 000000"));
    EXPECT_EQ(format_time_sample(kOldSample, {1, 0}).size(), kTimeSyncBodySize);
}

TEST(TimeSync, MatchesTheBytesThatALinuxGuestTookAndAnswered) {
    const TimeSample sync{
        .parent_time = 0x01dd7ac70518b56f, .reference_time = 0x10e2b8b8, .flags = kTimeSyncSync};
    EXPECT_EQ(format_time_sample(sync, kNew), body_of(captured::kTimeSync));
    EXPECT_EQ(parse_time_sample(body_of(captured::kTimeSyncAnswer), kNew), sync);
    const TimeSample sample{
        .parent_time = 0x01dd7ac7082bd083, .reference_time = 0x13f5d641, .flags = kTimeSyncSample};
    EXPECT_EQ(format_time_sample(sample, kNew), body_of(captured::kTimeSample));
    EXPECT_EQ(parse_time_sample(body_of(captured::kTimeSampleAnswer), kNew), sample);
}

TEST(TimeSync, FormatsVersionFourByteForByte) {
    EXPECT_EQ(format_time_sample(kNewSample, kNew),
              hex("010000000000d901 4200000000000000 02 01 05 0000000000"));
    EXPECT_EQ(format_time_sample(kNewSample, kNew).size(), kTimeSyncReferenceBodySize);
}

TEST(TimeSync, ReadsWhatItFormatsAndRefusesEveryPrefix) {
    const auto old_body = format_time_sample(kOldSample, kOld);
    const auto new_body = format_time_sample(kNewSample, kNew);
    EXPECT_EQ(parse_time_sample(old_body, kOld), kOldSample);
    EXPECT_EQ(parse_time_sample(new_body, kNew), kNewSample);
    expect_prefixes_fail(old_body, 25, [](ByteView body) { return parse_time_sample(body, kOld); });
    expect_prefixes_fail(new_body, 19, [](ByteView body) { return parse_time_sample(body, kNew); });
}

}  // namespace
}  // namespace hvis::wire
