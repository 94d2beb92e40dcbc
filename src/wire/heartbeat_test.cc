#include "wire/heartbeat.h"

#include <gtest/gtest.h>

#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

TEST(Heartbeat, FormatsByteForByte) {
    Bytes expected = hex("0807060504030201 02000000");
    expected.resize(kHeartbeatBodySize);
    EXPECT_EQ(format_heartbeat({.sequence = 0x0102030405060708, .application_state = 2}), expected);
}

TEST(Heartbeat, ReadsWhatItFormatsAndNeedsBothFields) {
    const Heartbeat beat{.sequence = 41, .application_state = 1};
    EXPECT_EQ(parse_heartbeat(format_heartbeat(beat)), beat);
    expect_prefixes_fail(format_heartbeat(beat), 12, parse_heartbeat);
}

}  // namespace
}  // namespace hvis::wire
