#include "loopback/guest/service_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::loopback {
namespace {

using ::testing::Each;
using ::testing::SizeIs;

/// Answers each packet with the same bytes; rejects empty ones.
class Echo : public ic::GuestService {
public:
    Result<std::optional<Bytes>> packet_received(ByteView packet, const Clocks&) override {
        if (packet.empty()) {
            return fail(Errc::kProtocol, "empty");
        }
        return Bytes(packet.begin(), packet.end());
    }
    void channel_closed() override {}
    [[nodiscard]] std::optional<ic::Version> message_version() const override { return {}; }
};

/// The host's ends of both rings.
class ServiceChannelTest : public ::testing::Test {
protected:
    vmbus::RingMemory ring(uint64_t first_page) {
        std::vector<std::byte*> data;
        for (uint64_t page = 1; page < ServiceChannel::kRingPages; ++page) {
            data.push_back(*memory_.page(first_page + page));
        }
        return *vmbus::RingMemory::create(*memory_.page(first_page), std::move(data));
    }
    /// Writes until the ring is full; the number of packets.
    size_t fill(size_t payload_size) {
        const Bytes payload(payload_size, std::byte{5});
        size_t count = 0;
        while (*writer_.write({.transaction_id = ++last_id_, .payload = payload}) ==
               vmbus::WriteResult::kWritten) {
            ++count;
        }
        --last_id_;
        (void)writer_.commit();
        return count;
    }
    std::vector<uint64_t> drain() {
        std::vector<uint64_t> ids;
        Bytes buffer;
        while (const auto packet = *reader_.read(buffer)) {
            ids.push_back(packet->transaction_id);
        }
        host_rang_ = reader_.commit();
        return ids;
    }

    vm::GuestMemory memory_ = *vm::GuestMemory::create(
        {{.start = {0}, .size = ServiceChannel::kPages * vm::kPageSize}}, "service-channel-test");
    Echo echo_;
    int signals_ = 0;
    ServiceChannel channel_ = *ServiceChannel::create(memory_, 0, echo_, [this] { ++signals_; });
    vmbus::RingReader reader_ = *vmbus::RingReader::attach(ring(0));
    vmbus::RingWriter writer_ = *vmbus::RingWriter::attach(ring(ServiceChannel::kRingPages));
    uint64_t last_id_ = 0;
    bool host_rang_ = false;
};

TEST_F(ServiceChannelTest, AnswersEachPacketUnderItsOwnTransaction) {
    const size_t count = fill(100);
    ASSERT_TRUE(channel_.interrupted({}));
    const auto ids = drain();
    ASSERT_THAT(ids, SizeIs(count));
    EXPECT_EQ(ids.front(), 1U);
    EXPECT_EQ(ids.back(), count);
    EXPECT_GE(signals_, 1);
}

TEST_F(ServiceChannelTest, KeepsAnswersThatFindNoRoomUntilTheHostRings) {
    const size_t first = fill(2000);
    ASSERT_TRUE(channel_.interrupted({}));
    const size_t second = fill(2000);
    ASSERT_TRUE(channel_.interrupted({}));  // The outgoing ring is full now.
    EXPECT_GE(fill(2000), 0U);
    std::vector<uint64_t> ids = drain();
    EXPECT_TRUE(host_rang_);
    while (ids.size() < first + second) {
        ASSERT_TRUE(channel_.interrupted({}));
        const auto more = drain();
        ASSERT_FALSE(more.empty());
        ids.insert(ids.end(), more.begin(), more.end());
    }
    for (size_t index = 0; index < ids.size(); ++index) {
        EXPECT_EQ(ids[index], index + 1) << "in order, none twice";
    }
}

TEST_F(ServiceChannelTest, CountsPacketsThatTheServiceRejects) {
    ASSERT_TRUE(writer_.write({.transaction_id = 1}));
    (void)writer_.commit();
    ASSERT_TRUE(channel_.interrupted({}));
    EXPECT_EQ(channel_.rejected_packets(), 1U);
}

TEST_F(ServiceChannelTest, FailsOnARingThatIsNone) {
    auto incoming = ring(ServiceChannel::kRingPages);
    incoming.store_release(wire::kRingWriteIndex, 0xffff'fff8);
    EXPECT_EQ(channel_.interrupted({}).error().code, Errc::kProtocol);
}

}  // namespace
}  // namespace hvis::loopback
