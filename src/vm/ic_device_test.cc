#include "vm/ic_device.h"

#include <array>
#include <memory>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "loopback/loopback_partition.h"
#include "wire/ring_layout.h"

namespace hvis::vm {
namespace {

/// Counts what its channel tells it, and always has something to say.
class FakeService final : public ic::HostService {
public:
    void channel_opened(const Clocks& /*clocks*/) override { ++opened; }
    void channel_closed(const Clocks& /*clocks*/) override { ++closed; }
    void channel_broken(const Clocks& /*clocks*/) override { ++broken; }
    Result<void> packet_received(ByteView /*packet*/, const Clocks& /*clocks*/) override {
        return {};
    }
    void timer_fired(const Clocks& /*clocks*/) override {}
    [[nodiscard]] std::optional<TimePoint> next_deadline() const override { return {}; }
    std::optional<Bytes> next_packet(const Clocks& /*clocks*/) override {
        ++asked;
        return Bytes(8);
    }
    bool take_signal_again() override { return false; }
    void paused(const Clocks& /*clocks*/) override {}
    void resumed(const Clocks& /*clocks*/) override {}
    void set_enabled(bool /*enabled*/, const Clocks& /*clocks*/) override {}
    [[nodiscard]] ic::ServiceReport report(const Clocks& /*clocks*/) const override { return {}; }

    int opened = 0;
    int closed = 0;
    int broken = 0;
    int asked = 0;
};

class IcDeviceTest : public testing::Test {
protected:
    /// A control page and one of data, each way.
    static constexpr uint64_t kFirstPage =
        loopback::LoopbackPartition::kRamStart.value / wire::kRingPageSize;

    IcDeviceTest() {
        set_log_level(LogLevel::kError);
        // Ports are made in a guest's process: one that never looks at its socket.
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        guest_ = UniqueFd(ends[0]);
        EXPECT_TRUE(partition_->attach(UniqueFd(ends[1])));
    }

    void open() {
        for (const uint64_t page : {kFirstPage, kFirstPage + 2}) {
            auto ring = ring_at(page);
            ring.initialize_control();
        }
        auto endpoint = ChannelEndpoint::open({.offer = {},
                                               .relid = 1,
                                               .connection_id = 1,
                                               .target_vp = 0,
                                               .sint = 2,
                                               .event_flag = 1,
                                               .ring_gpadl = 1,
                                               .incoming_pages = {kFirstPage, kFirstPage + 1},
                                               .outgoing_pages = {kFirstPage + 2, kFirstPage + 3},
                                               .user_data = {}},
                                              *partition_, *loop_, [this] { device_.kicked(); });
        ASSERT_TRUE(endpoint) << endpoint.error().what;
        endpoint_ = *std::move(endpoint);
        device_.opened(*endpoint_);
    }
    void close() {
        device_.closed();
        endpoint_.reset();
    }
    vmbus::RingMemory ring_at(uint64_t control) {
        return *vmbus::RingMemory::create(*partition_->memory().page(control),
                                          {*partition_->memory().page(control + 1)});
    }
    vmbus::RingMemory to_host() { return ring_at(kFirstPage); }
    vmbus::RingMemory to_guest() { return ring_at(kFirstPage + 2); }

    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    std::unique_ptr<loopback::LoopbackPartition> partition_ =
        *loopback::LoopbackPartition::create({.memory_bytes = 256 << 10}, *loop_);
    UniqueFd guest_;
    FakeService service_;
    IcDevice device_{"fake", service_, Guid{}, Guid{}, *loop_, [] { return Clocks{}; }, [] {}};
    std::unique_ptr<ChannelEndpoint> endpoint_;
};

TEST_F(IcDeviceTest, TellsItsServiceOnceThatTheGuestBrokeTheRingToTheHost) {
    open();
    EXPECT_EQ(service_.broken, 0);
    to_host().store_release(wire::kRingWriteIndex, 7);
    device_.kicked();
    EXPECT_EQ(service_.broken, 1);
    device_.kicked();
    device_.pump();
    EXPECT_EQ(service_.broken, 1);
    EXPECT_EQ(device_.rejected_packets(), 1U) << "it is not looked at again";
}

TEST_F(IcDeviceTest, TellsItsServiceThatTheGuestBrokeTheRingToTheGuest) {
    open();
    ASSERT_GT(service_.asked, 0);
    // The ring is full by now, so the reader's index is looked at.
    to_guest().store_release(wire::kRingReadIndex, 0xffff'fff8);
    device_.pump();
    EXPECT_EQ(service_.broken, 1);
    const int asked = service_.asked;
    device_.pump();
    EXPECT_EQ(service_.asked, asked) << "nothing can be sent";
}

TEST_F(IcDeviceTest, CarriesOnWhenTheChannelIsOpenedAnew) {
    open();
    to_host().store_release(wire::kRingWriteIndex, 7);
    device_.kicked();
    close();
    EXPECT_EQ(service_.closed, 1);
    const int asked = service_.asked;
    open();
    EXPECT_EQ(service_.opened, 2);
    EXPECT_GT(service_.asked, asked);
    EXPECT_EQ(service_.broken, 1);
}

}  // namespace
}  // namespace hvis::vm
