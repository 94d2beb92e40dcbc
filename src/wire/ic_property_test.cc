#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/utf16.h"
#include "wire/heartbeat.h"
#include "wire/kvp.h"
#include "wire/negotiate.h"
#include "wire/shutdown.h"
#include "wire/timesync.h"

namespace hvis::wire {
namespace {

Bytes any_bytes() {
    Bytes bytes;
    for (const auto byte : *rc::gen::arbitrary<std::vector<uint8_t>>()) {
        bytes.push_back(static_cast<std::byte>(byte));
    }
    return bytes;
}

/// Text as a guest could send it: what any UTF-16 becomes.
std::string any_text() { return from_utf16le(any_bytes()); }

IcVersion any_version() {
    return {*rc::gen::arbitrary<uint16_t>(), *rc::gen::arbitrary<uint16_t>()};
}

TEST(IcProperties, APacketReadsBackAsItWasWritten) {
    EXPECT_TRUE(rc::check([] {
        const IcHeader header{.framework = any_version(),
                              .type = *rc::gen::arbitrary<uint16_t>(),
                              .message = any_version(),
                              .status = *rc::gen::arbitrary<uint32_t>(),
                              .transaction = *rc::gen::arbitrary<uint8_t>(),
                              .flags = *rc::gen::arbitrary<uint8_t>()};
        const Bytes body = any_bytes();
        const Bytes packet = format_ic_packet(header, body);
        const auto read = parse_ic_packet(packet);
        RC_ASSERT(read.has_value());
        RC_ASSERT(read->header == header);
        RC_ASSERT(Bytes(read->body.begin(), read->body.end()) == body);
    }));
}

TEST(IcProperties, AnOfferReadsBackAsItWasWritten) {
    EXPECT_TRUE(rc::check([] {
        NegotiateOffer offer;
        offer.framework.resize(*rc::gen::inRange<size_t>(0, kMaxNegotiateVersions + 1));
        offer.message.resize(*rc::gen::inRange<size_t>(0, kMaxNegotiateVersions + 1));
        for (auto& version : offer.message) {
            version = any_version();
        }
        RC_ASSERT((parse_negotiate_offer(format_negotiate_offer(offer)) == offer));
    }));
}

TEST(IcProperties, AShutdownMessageReadsBackAsItWasWritten) {
    EXPECT_TRUE(rc::check([] {
        const ShutdownMessage message{.reason = *rc::gen::arbitrary<uint32_t>(),
                                      .timeout_seconds = *rc::gen::arbitrary<uint32_t>(),
                                      .flags = *rc::gen::arbitrary<uint32_t>(),
                                      .text = any_text()};
        const auto body = format_shutdown(message);
        RC_ASSERT(body.has_value());
        RC_ASSERT((parse_shutdown(*body) == message));
    }));
}

TEST(IcProperties, APairReadsBackOrBreaksALimit) {
    EXPECT_TRUE(rc::check([] {
        const KvpPair pair{any_text(), any_text()};
        const auto body = format_kvp_enumerated(KvpPool::kGuest, 0, pair);
        if (!body) {
            RC_ASSERT(!check_kvp_key(pair.key) || !check_kvp_value(pair.value));
            return;
        }
        RC_ASSERT((parse_kvp_enumerated(*body) == pair));
    }));
}

TEST(IcProperties, ATimeSampleReadsBackAsItWasWritten) {
    EXPECT_TRUE(rc::check([] {
        const bool referenced = *rc::gen::arbitrary<bool>();
        const auto time = *rc::gen::arbitrary<uint64_t>();
        const TimeSample sample{.parent_time = *rc::gen::arbitrary<uint64_t>(),
                                .reference_time = referenced ? time : 0,
                                .child_time = referenced ? 0 : time,
                                .flags = *rc::gen::arbitrary<uint8_t>()};
        const IcVersion version = referenced ? IcVersion{4, 0} : IcVersion{1, 0};
        RC_ASSERT((parse_time_sample(format_time_sample(sample, version), version) == sample));
    }));
}

}  // namespace
}  // namespace hvis::wire
