#include "kvm/exits.h"

#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "kvm/hypercalls.h"
#include "kvm/hyperv_bits.h"

namespace hvis::kvm {
namespace {

constexpr uint32_t kConnection = 1;
constexpr uint64_t kInput = 0x3000;

/// Remembers what was written to it.
class Sink : public vm::IoHandler {
public:
    void read(uint64_t, MutableByteView data) override { data.front() = std::byte{0x42}; }
    void write(uint64_t, ByteView data) override { written.push_back(data.front()); }
    void reset() override {}
    std::vector<std::byte> written;
};

class ExitsTest : public testing::Test {
protected:
    ExitsTest() {
        EXPECT_TRUE(bus_.attach_ports(0x3f8, 8, sink_));
        events_->accept(kConnection);
    }
    /// The area that KVM shares: a kvm_run at the start of a page or more.
    kvm_run& run() { return *static_cast<kvm_run*>(static_cast<void*>(area_.data())); }
    ExitOutcome handle(uint32_t vp = 0) { return handle_exit(run(), area_.size(), vp, targets_); }
    uint64_t hypercall(uint64_t input, uint64_t first) {
        run().exit_reason = KVM_EXIT_HYPERV;
        run().hyperv = {};
        run().hyperv.type = KVM_EXIT_HYPERV_HCALL;
        run().hyperv.u.hcall.input = input;
        run().hyperv.u.hcall.params[0] = first;
        (void)handle();
        return run().hyperv.u.hcall.result;
    }
    uint64_t post(uint32_t connection, uint32_t size) {
        wire::PostMessageInput message{};
        message.connection_id = connection;
        message.message_type = 1;
        message.payload_size = size;
        message.payload.fill(std::byte{0x11});
        EXPECT_TRUE(memory_.write({kInput}, message));
        return hypercall(wire::kHvCallPostMessage, kInput);
    }

    alignas(8) std::array<std::byte, 12288> area_{};
    vm::IoBus bus_;
    Sink sink_;
    vm::GuestMemory memory_ = std::move(*vm::GuestMemory::create({{{0}, 1 << 20}}, "test"));
    vm::Synic synic_{memory_, 2};
    CrashRegisters crash_;
    std::unique_ptr<PartitionEvents> events_ = std::move(*PartitionEvents::create());
    ExitTargets targets_{bus_, synic_, memory_, crash_, *events_};
};

TEST_F(ExitsTest, CarriesStringWritesByteForByte) {
    run().exit_reason = KVM_EXIT_IO;
    run().io.direction = KVM_EXIT_IO_OUT;
    run().io.size = 1;
    run().io.port = 0x3f8;
    run().io.count = 3;
    run().io.data_offset = 4096;
    std::memcpy(area_.data() + 4096, "abc", 3);
    EXPECT_EQ(handle().kind, ExitKind::kPort);
    EXPECT_EQ(sink_.written.size(), 3U);
    EXPECT_EQ(sink_.written[2], std::byte{'c'});
}

TEST_F(ExitsTest, AnswersReads) {
    run().exit_reason = KVM_EXIT_IO;
    run().io.direction = KVM_EXIT_IO_IN;
    run().io.size = 1;
    run().io.port = 0x3fd;
    run().io.count = 1;
    run().io.data_offset = 4096;
    EXPECT_TRUE(handle().run_on);
    EXPECT_EQ(area_[4096], std::byte{0x42});
    run().exit_reason = KVM_EXIT_MMIO;
    run().mmio.phys_addr = 0xf800'0000;
    run().mmio.len = 4;
    run().mmio.is_write = 0;
    EXPECT_EQ(handle().kind, ExitKind::kMemory);
    EXPECT_EQ(run().mmio.data[3], 0xff);
}

TEST_F(ExitsTest, TrustsNoOffsetOutsideTheSharedArea) {
    run().exit_reason = KVM_EXIT_IO;
    run().io.size = 4;
    run().io.count = 0xffff'ffff;
    run().io.data_offset = 4096;
    EXPECT_FALSE(handle().run_on);
    EXPECT_EQ(events_->take_stop(), vm::StopReason::kFailure);
}

TEST_F(ExitsTest, PlacesTheSynicPages) {
    run().exit_reason = KVM_EXIT_HYPERV;
    run().hyperv = {};
    run().hyperv.type = KVM_EXIT_HYPERV_SYNIC;
    run().hyperv.u.synic.control = 1;
    run().hyperv.u.synic.evt_page = 0x8001;
    run().hyperv.u.synic.msg_page = 0x9001;
    EXPECT_EQ(handle().kind, ExitKind::kSynic);
    EXPECT_TRUE(synic_.set_event_flag({.vp = 0, .sint = 2}, 5));
    EXPECT_EQ(synic_.post_message({.vp = 0, .sint = 2}, {.type = 1, .payload = {}}),
              vm::Synic::Posted::kYes);
}

TEST_F(ExitsTest, QueuesAPostedMessageInAPrivateCopy) {
    EXPECT_EQ(post(kConnection, 240), 0U);
    ASSERT_TRUE(memory_.fill({kInput}, 256, std::byte{0}));
    const auto message = events_->take_message();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->connection_id, kConnection);
    EXPECT_EQ(message->type, 1U);
    EXPECT_EQ(message->payload, Bytes(240, std::byte{0x11}));
}

TEST_F(ExitsTest, RefusesMessagesAsTheSpecificationSays) {
    EXPECT_EQ(post(9, 8), 0x12U);             // unknown connection
    EXPECT_EQ(post(kConnection, 241), 0x5U);  // too long
    EXPECT_EQ(post(kConnection, 0xffff'ffff), 0x5U);
    EXPECT_EQ(hypercall(wire::kHvCallPostMessage, kInput + 1), 0x4U);
    EXPECT_EQ(hypercall(wire::kHvCallPostMessage, 0xff8), 0x3U);  // crosses a page
    EXPECT_EQ(hypercall(wire::kHvCallPostMessage, 1 << 20), 0x5U);
    EXPECT_EQ(hypercall(wire::kHvCallPostMessage, ~uint64_t{0} - 7), 0x3U);
    EXPECT_EQ(hypercall(wire::kHvCallPostMessage | 1 << 16, kInput), 0x3U);  // fast
    EXPECT_FALSE(events_->take_message());
}

TEST_F(ExitsTest, RefusesOtherHypercalls) {
    EXPECT_EQ(hypercall(wire::kHvCallSignalEvent | 1 << 16, 77), 0x12U);
    EXPECT_EQ(hypercall(0x8001, 0), 0x2U);
    EXPECT_EQ(hypercall(0xffff, 0), 0x2U);
}

TEST_F(ExitsTest, AnswersInsufficientBuffersWhenTheQueueIsFull) {
    for (size_t i = 0; i < PartitionEvents::kMaxMessages; ++i) {
        ASSERT_EQ(post(kConnection, 8), 0U);
    }
    EXPECT_EQ(post(kConnection, 8), 0x13U);
    auto message = events_->take_message();
    ASSERT_TRUE(message);
    EXPECT_EQ(post(kConnection, 8), 0x13U);  // the one in hand may come back
    events_->give_back(std::move(*message));
    EXPECT_EQ(post(kConnection, 8), 0x13U);
    (void)events_->take_message();
    (void)events_->take_message();
    EXPECT_EQ(post(kConnection, 8), 0U);
}

TEST_F(ExitsTest, ReportsACrashWithItsText) {
    ASSERT_TRUE(memory_.copy_in({0x5000}, std::as_bytes(std::span("Kernel panic", 13))));
    const auto write = [&](uint32_t msr, uint64_t value) {
        run().exit_reason = KVM_EXIT_X86_WRMSR;
        run().msr.index = msr;
        run().msr.data = value;
        run().msr.error = 1;
        EXPECT_EQ(handle().kind, ExitKind::kMsr);
        EXPECT_EQ(run().msr.error, 0);
    };
    write(kMsrCrashP0, 0xabc);
    write(kMsrCrashP0 + 3, 0x5000);
    write(kMsrCrashP0 + 4, 4096);
    write(kMsrCrashCtl, 0);
    EXPECT_TRUE(events_->take_crashes().empty());
    write(kMsrCrashCtl, uint64_t{3} << 62);
    const auto crashes = events_->take_crashes();
    ASSERT_EQ(crashes.size(), 1U);
    EXPECT_EQ(crashes[0].parameters[0], 0xabcU);
    EXPECT_EQ(crashes[0].text, "Kernel panic");
}

TEST_F(ExitsTest, SaysThatACrashMayHaveAText) {
    run().exit_reason = KVM_EXIT_X86_RDMSR;
    run().msr.index = kMsrCrashCtl;
    (void)handle();
    EXPECT_EQ(run().msr.data, uint64_t{3} << 62);
}

TEST_F(ExitsTest, BoundsCrashReportsAndTheirTexts) {
    const auto crash = [&](uint64_t address, uint64_t length) {
        (void)crash_.write(kMsrCrashP0 + 3, address, memory_);
        (void)crash_.write(kMsrCrashP0 + 4, length, memory_);
        return *crash_.write(kMsrCrashCtl, uint64_t{3} << 62, memory_);
    };
    ASSERT_TRUE(memory_.fill({0}, 1 << 20, std::byte{'x'}));
    EXPECT_EQ(crash(0, ~uint64_t{0}).text.size(), CrashRegisters::kMaxText);
    EXPECT_EQ(crash(~uint64_t{0}, 10).text, "");
    EXPECT_EQ(crash((1 << 20) - 5, 10).text, "");
    EXPECT_EQ(crash(0, 0).text, "");
    for (size_t i = 0; i < PartitionEvents::kMaxCrashes + 3; ++i) {
        events_->add_crash({});
    }
    EXPECT_EQ(events_->take_crashes().size(), PartitionEvents::kMaxCrashes);
}

TEST_F(ExitsTest, StopsOnceForTheFirstReason) {
    run().exit_reason = KVM_EXIT_SHUTDOWN;
    EXPECT_FALSE(handle(1).run_on);
    events_->add_stop(vm::StopReason::kPowerOff);
    EXPECT_EQ(events_->take_stop(), vm::StopReason::kTripleFault);
    EXPECT_FALSE(events_->take_stop());
    EXPECT_EQ(events_->faulted_processor(), 1U);
    events_->clear();
    EXPECT_EQ(events_->faulted_processor(), std::nullopt);
    run().exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run().system_event.type = KVM_SYSTEM_EVENT_RESET;
    EXPECT_FALSE(handle().run_on);
    EXPECT_EQ(events_->take_stop(), vm::StopReason::kReset);
}

TEST_F(ExitsTest, GivesUpOnAnExitItDoesNotKnow) {
    run().exit_reason = 4711;
    EXPECT_FALSE(handle().run_on);
    EXPECT_EQ(events_->take_stop(), vm::StopReason::kFailure);
}

TEST(ExitKind, HasANameForEach) {
    for (size_t i = 0; i + 1 < kExitKinds; ++i) {
        EXPECT_NE(to_string(static_cast<ExitKind>(i)), "other");
    }
}

}  // namespace
}  // namespace hvis::kvm
