#include "wire/heartbeat.h"

#include <gtest/gtest.h>

#include "wire/captured_packets.h"
#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

TEST(Heartbeat, MatchesTheBytesThatALinuxGuestTookAndAnswered) {
    EXPECT_EQ(format_heartbeat({.sequence = 0x29}), body_of(captured::kBeat));
    const Heartbeat answer{.sequence = 0x2a, .application_state = 0};
    EXPECT_EQ(parse_heartbeat(body_of(captured::kBeatAnswer)), answer);
}

TEST(Heartbeat, PutsTheApplicationStateBehindTheNumber) {
    EXPECT_EQ(format_heartbeat({.sequence = 0x0102030405060708, .application_state = 2}),
              hex("0807060504030201 02000000 00*28"));
}

TEST(Heartbeat, ReadsWhatItFormatsAndNeedsBothFields) {
    const Heartbeat beat{.sequence = 41, .application_state = 1};
    EXPECT_EQ(parse_heartbeat(format_heartbeat(beat)), beat);
    expect_prefixes_fail(format_heartbeat(beat), 12, parse_heartbeat);
}

}  // namespace
}  // namespace hvis::wire
