#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "device/power/power.h"
#include "guest_programs.h"
#include "kvm/confine.h"
#include "kvm/kvm_partition.h"
#include "vm/acpi/tables.h"
#include "vm/boot/fake_kernel.h"
#include "vm/ports.h"
#include "wire/hypercall.h"

namespace hvis::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);

/// Calls back on the vCPU thread that writes to it.
class Port : public vm::IoHandler {
public:
    explicit Port(std::function<void(uint64_t, uint32_t)> write) : write_(std::move(write)) {}
    void read(uint64_t, MutableByteView) override {}
    void write(uint64_t offset, ByteView data) override {
        uint32_t value = 0;
        std::memcpy(&value, data.data(), data.size());
        write_(offset, value);
    }
    void reset() override {}

private:
    std::function<void(uint64_t, uint32_t)> write_;
};

/// A partition with power control, and a client that notes what it is told.
class PartitionTest : public testing::Test, public vm::PartitionClient {
protected:
    void SetUp() override {
        kvm::PartitionConfig config;
        config.memory_bytes = uint64_t{64} << 20;
        config.processors = processors_;
        config.confine_thread = confine_;
        config.load = [this](vm::GuestMemory& memory, const vm::MemoryMap& map) {
            const vm::BytesImage image(kernel_);
            return vm::load_linux(
                memory, map, {.kernel = image, .initrd = nullptr, .command_line = "", .rsdp = {}});
        };
        auto partition = kvm::KvmPartition::create(std::move(config), *loop_, bus_);
        if (!partition) {
            // lab/run has chosen this machine because its KVM can do this.
            ASSERT_EQ(std::getenv("HVIS_LAB"), nullptr) << partition.error().what;
            GTEST_SKIP() << partition.error().what
                         << "; run it in the lab: lab/run -- ctest -L kvm";
        }
        partition_ = std::move(*partition);
        partition_->set_client(this);
        ASSERT_TRUE(bus_.attach_ports(vm::kPowerPort, vm::kPowerPortCount, power_));
    }
    void TearDown() override { partition_.reset(); }

    bool message_posted(uint32_t connection, uint32_t type, ByteView payload) override {
        if (!accepting_) {
            return false;
        }
        EXPECT_EQ(connection, kPostConnection);
        EXPECT_EQ(type, 1U);
        EXPECT_EQ(payload.size(), 8U);
        ++messages_;
        return true;
    }
    void message_slot_freed(vm::SynicTarget target) override { freed_(target); }
    void guest_crashed(const vm::CrashReport& report) override { crashes_.push_back(report); }
    void partition_stopped(vm::StopReason reason) override { stopped_ = reason; }

    void start(ByteView program) {
        kernel_ = vm::make_vmlinux(program);
        ASSERT_TRUE(partition_->start());
    }
    void run_until(const std::function<bool()>& done) {
        const auto deadline = loop::Loop::now() + kPatience;
        while (!done()) {
            ASSERT_LT(loop::Loop::now(), deadline) << "the guest does not come to an end";
            loop_->run_once(std::chrono::milliseconds(100));
        }
    }
    vm::StopReason run_to_the_end() {
        run_until([this] { return stopped_.has_value(); });
        return std::exchange(stopped_, std::nullopt).value_or(vm::StopReason::kFailure);
    }
    [[nodiscard]] uint64_t all_exits() const {
        const auto counts = partition_->exit_counts();
        return std::accumulate(counts.by_kind.begin(), counts.by_kind.end(), uint64_t{0});
    }

    uint32_t processors_ = 1;
    std::function<Result<void>()> confine_;
    std::unique_ptr<loop::Loop> loop_ = std::move(*loop::Loop::create());
    vm::IoBus bus_;
    Bytes kernel_;
    std::unique_ptr<kvm::KvmPartition> partition_;
    device::Power power_{[this](vm::StopReason reason) { partition_->request_stop(reason); },
                         &loop::Loop::now};
    std::function<void(vm::SynicTarget)> freed_ = [](vm::SynicTarget) {};
    bool accepting_ = true;
    size_t messages_ = 0;
    std::vector<vm::CrashReport> crashes_;
    std::optional<vm::StopReason> stopped_;
};

TEST_F(PartitionTest, SwitchesItselfOff) {
    start(power_off_program());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kPowerOff);
    EXPECT_FALSE(partition_->start());
}

TEST_F(PartitionTest, StartsWithFreshMemoryAfterEachReset) {
    start(reset_program());
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(run_to_the_end(), vm::StopReason::kReset);
        ASSERT_TRUE(partition_->reset());
        ASSERT_TRUE(partition_->start());
    }
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kReset);
}

TEST_F(PartitionTest, SurvivesATripleFault) {
    start(triple_fault_program());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kTripleFault);
    EXPECT_EQ(partition_->faulted_processor(), 0U);
    kernel_ = vm::make_vmlinux(power_off_program());
    ASSERT_TRUE(partition_->reset());
    ASSERT_TRUE(partition_->start());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kPowerOff);
}

TEST_F(PartitionTest, TakesKicksWithoutLeavingTheKernel) {
    const UniqueFd kicks(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    ASSERT_TRUE(partition_->connect_port(kKickConnection, kicks.get()));
    start(kick_program());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kPowerOff);
    eventfd_t count = 0;
    ASSERT_EQ(eventfd_read(kicks.get(), &count), 0);
    EXPECT_EQ(count, kKicks);
    // What is left is the end of the program itself.
    EXPECT_LE(all_exits(), 3U);
    EXPECT_EQ(partition_->exit_counts().of(kvm::ExitKind::kHypercall), 0U);
}

TEST_F(PartitionTest, KeepsPortsAcrossAResetUntilTheyAreDisconnected) {
    const UniqueFd kicks(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    ASSERT_TRUE(partition_->connect_port(kKickConnection, kicks.get()));
    ASSERT_TRUE(partition_->reset());
    start(kick_program());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kPowerOff);
    partition_->disconnect_port(kKickConnection);
    ASSERT_TRUE(partition_->reset());
    ASSERT_TRUE(partition_->start());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kReset);  // its first kick was refused
    EXPECT_EQ(partition_->exit_counts().of(kvm::ExitKind::kHypercall), 1U);
}

/// A guest that has posted until it was told HV_STATUS_INSUFFICIENT_BUFFERS, to a client that takes
/// nothing yet.
class FullPartitionTest : public PartitionTest {
protected:
    void SetUp() override {
        PartitionTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) {
            return;
        }
        ASSERT_TRUE(bus_.attach_ports(kReadyPort, 1, ready_));
        partition_->accept_messages(kPostConnection);
        accepting_ = false;
        start(post_program());
        run_until([this] { return is_full_.load(); });
        EXPECT_EQ(messages_, 0U);
        accepting_ = true;
    }
    void TearDown() override {
        partition_.reset();
        PartitionTest::TearDown();
    }

private:
    std::atomic<bool> is_full_ = false;
    Port ready_{[this](uint64_t, uint32_t) { is_full_ = true; }};
};

TEST_F(FullPartitionTest, BoundsPostedMessagesByTheProtocolsOwnAnswer) {
    partition_->retry_messages();
    run_until([this] { return messages_ == vm::Partition::kMaxQueuedMessages; });
    EXPECT_EQ(partition_->exit_counts().of(kvm::ExitKind::kPostMessage),
              vm::Partition::kMaxQueuedMessages + 1);
}

TEST_F(FullPartitionTest, DropsWhatAGuestThatIsGoneHasLeft) {
    partition_->request_stop(vm::StopReason::kPowerOff);
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kPowerOff);
    partition_->retry_messages();
    loop_->run_once(std::chrono::milliseconds(100));
    EXPECT_EQ(messages_, 0U);
}

TEST_F(PartitionTest, RefusesMessagesOnConnectionsThatNobodyServes) {
    start(post_program());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kReset);
}

TEST_F(PartitionTest, TellsWhenTheGuestEmptiesABusySlot) {
    const vm::SynicTarget target{.vp = 0, .sint = wire::kVmbusSint};
    const vm::SynicMessage message{.type = 1, .payload = Bytes(16)};
    EXPECT_EQ(partition_->post_message(target, message), vm::PostResult::kDisabled);
    bool second_posted = false;
    bool was_busy = false;
    const auto post = [&] {
        const auto result = partition_->post_message(target, message);
        ASSERT_TRUE(result);
        second_posted = *result == vm::PostResult::kPosted;
        was_busy = was_busy || *result == vm::PostResult::kSlotBusy;
    };
    freed_ = [&](vm::SynicTarget freed) {
        EXPECT_EQ(freed, target);
        post();
    };
    Port ready([&](uint64_t, uint32_t) {
        (void)loop_->post([&] {
            // Both while the guest stands still: the second finds the slot busy for certain.
            partition_->pause();
            EXPECT_EQ(partition_->post_message(target, message), vm::PostResult::kPosted);
            post();
            EXPECT_TRUE(was_busy);
            partition_->resume();
        });
    });
    ASSERT_TRUE(bus_.attach_ports(kReadyPort, 1, ready));
    start(receive_program());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kPowerOff);
    EXPECT_TRUE(second_posted);
    EXPECT_FALSE(partition_->post_message({.vp = 1, .sint = 2}, message));
    EXPECT_FALSE(partition_->post_message({.vp = 0, .sint = 3}, message));
}

TEST_F(PartitionTest, HandsOnTheGuestsReportOfItsCrash) {
    start(crash_program());
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kPowerOff);
    ASSERT_EQ(crashes_.size(), 1U);
    EXPECT_EQ(crashes_[0].parameters[0], 11U);
    EXPECT_EQ(crashes_[0].parameters[2], 33U);
    EXPECT_EQ(crashes_[0].text, "it broke");
}

TEST_F(PartitionTest, EndsAProcessorThatRunsInACircle) {
    start(spin_program());
    partition_->pause();
    partition_->pause();
    partition_->resume();
    partition_->resume();
    partition_->request_stop(vm::StopReason::kFailure);
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kFailure);
    ASSERT_TRUE(partition_->reset());
    start(spin_program());  // and is destroyed while it runs
}

class ClockTest : public PartitionTest {
protected:
    // The port handler below asks KVM for the clock, on the vCPU thread.
    ClockTest() {
        confine_ = [] { return Result<void>(); };
    }
};

TEST_F(ClockTest, IsTheGuestsOwnAndStandsStillInAPause) {
    constexpr uint64_t kMicrosecond = 10;
    constexpr uint64_t kSlack = 100 * kMicrosecond;
    std::atomic<uint64_t> low{0};
    std::atomic<uint64_t> seen{0};
    std::atomic<uint64_t> backwards{0};
    std::atomic<uint64_t> ahead{0};
    Port port([&](uint64_t offset, uint32_t value) {
        if (offset == 0) {
            low = value;
            return;
        }
        const uint64_t time = uint64_t{value} << 32 | low;
        backwards += time < seen ? 1 : 0;
        ahead += time > partition_->reference_time() + kSlack ? 1 : 0;
        seen = time;
    });
    ASSERT_TRUE(bus_.attach_ports(kClockPort, 8, port));
    start(clock_program());
    for (int i = 0; i < 3; ++i) {
        const uint64_t before = seen;
        run_until([&] { return seen > before; });
        partition_->pause();
        const uint64_t paused = partition_->reference_time();
        EXPECT_GE(paused + kSlack, seen);
        const auto start = loop::Loop::now();
        while (loop::Loop::now() - start < std::chrono::milliseconds(300)) {
        }
        EXPECT_EQ(partition_->reference_time(), paused);
        const auto resumed = loop::Loop::now();
        partition_->resume();
        const uint64_t after = partition_->reference_time();
        const auto elapsed = std::chrono::duration_cast<Ticks>(loop::Loop::now() - resumed);
        EXPECT_GE(after + kSlack, paused);
        EXPECT_LE(after, paused + static_cast<uint64_t>(elapsed.count()) + kSlack);
    }
    partition_->request_stop(vm::StopReason::kPowerOff);
    EXPECT_EQ(run_to_the_end(), vm::StopReason::kPowerOff);
    EXPECT_EQ(backwards, 0U);
    EXPECT_EQ(ahead, 0U);
}

TEST(KvmPartition, RefusesMachinesThatCannotBe) {
    const auto loop = std::move(*loop::Loop::create());
    vm::IoBus bus;
    EXPECT_FALSE(kvm::KvmPartition::create({.processors = 0}, *loop, bus));
    EXPECT_FALSE(kvm::KvmPartition::create({.processors = 65}, *loop, bus));
    EXPECT_FALSE(kvm::KvmPartition::create({.memory_bytes = 1}, *loop, bus));
}

}  // namespace
}  // namespace hvis::test
