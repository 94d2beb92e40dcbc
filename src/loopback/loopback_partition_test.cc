#include "loopback/loopback_partition.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace hvis::loopback {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kConnection = 1;
constexpr vm::SynicTarget kTarget{.vp = 0, .sint = wire::kVmbusSint};
constexpr uint64_t kMessagePage = LoopbackPartition::kRamStart.value;
constexpr uint64_t kEventPage = kMessagePage + vm::kPageSize;

/// Records what the partition says.
class Owner : public vm::PartitionClient {
public:
    bool message_posted(uint32_t /*connection_id*/, uint32_t /*type*/, ByteView payload) override {
        if (full) {
            return false;
        }
        messages.push_back(payload.size());
        return true;
    }
    void message_slot_freed(vm::SynicTarget target) override { freed.push_back(target); }
    void guest_crashed(const vm::CrashReport& report) override { crashes.push_back(report.text); }
    void partition_stopped(vm::StopReason reason) override { stops.push_back(reason); }

    bool full = false;
    std::vector<size_t> messages;
    std::vector<vm::SynicTarget> freed;
    std::vector<std::string> crashes;
    std::vector<vm::StopReason> stops;
};

/// A guest process's end, driven by hand.
class LoopbackPartitionTest : public ::testing::Test {
protected:
    LoopbackPartitionTest() {
        partition_->set_client(&owner_);
        partition_->accept_messages(kConnection);
        attach();
        EXPECT_TRUE(partition_->start());
    }

    void attach() {
        std::array<int, 2> fds{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()), 0);
        guest_.emplace(UniqueFd(fds[1]));
        ASSERT_TRUE(partition_->attach(UniqueFd(fds[0])));
    }

    void send(const GuestPacket& packet) {
        ASSERT_TRUE(guest_->send(format_packet(packet)));
        turn();
    }
    void turn() { loop_->run_once({}); }

    /// What the host sent since the last call.
    std::vector<HostPacket> received() {
        std::vector<HostPacket> packets;
        Bytes buffer(kMaxPacket);
        fds_.clear();
        for (auto size = guest_->receive(buffer, &fds_); size && *size;
             size = guest_->receive(buffer, &fds_)) {
            packets.push_back(*parse_host_packet(ByteView(buffer).first(**size)));
        }
        return packets;
    }

    void enable_synic() {
        send(WriteRegister{0, SynicRegister::kMessagePage, kMessagePage | 1});
        send(WriteRegister{0, SynicRegister::kEventPage, kEventPage | 1});
        send(WriteRegister{0, SynicRegister::kControl, 1});
    }

    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    Owner owner_;
    std::unique_ptr<LoopbackPartition> partition_ = *LoopbackPartition::create({}, *loop_);
    std::optional<PacketSocket> guest_;
    std::vector<UniqueFd> fds_;
};

TEST_F(LoopbackPartitionTest, HandsOverMemoryAndInterruptThenStarts) {
    const auto packets = received();
    ASSERT_EQ(packets.size(), 2U);
    const auto& attach = std::get<Attach>(packets[0]);
    EXPECT_EQ(attach.ram_size, PartitionConfig{}.memory_bytes);
    EXPECT_TRUE(std::holds_alternative<Start>(packets[1]));
    ASSERT_EQ(fds_.size(), 2U);

    auto shared = vm::GuestMemory::adopt(std::move(fds_[0]),
                                         {{.start = {attach.ram_start}, .size = attach.ram_size}});
    ASSERT_TRUE(shared);
    ASSERT_TRUE(partition_->memory().write(LoopbackPartition::kRamStart, uint32_t{0x1234}));
    EXPECT_EQ(*shared->read<uint32_t>(LoopbackPartition::kRamStart), 0x1234U);
}

TEST_F(LoopbackPartitionTest, AnswersPostMessageWithTheHypervisorsStatus) {
    (void)received();
    send(PostMessage{kConnection, 1, Bytes(10)});
    send(PostMessage{kConnection + 1, 1, Bytes(10)});
    EXPECT_THAT(received(), ElementsAre(PostAnswer{wire::HvStatus::kSuccess},
                                        PostAnswer{wire::HvStatus::kInvalidConnectionId}));
    EXPECT_THAT(owner_.messages, ElementsAre(10));
}

TEST_F(LoopbackPartitionTest, RefusesMessagesPastItsQueueAndKeepsTheOthers) {
    (void)received();
    owner_.full = true;
    const size_t too_many = vm::Partition::kMaxQueuedMessages + 3;
    for (size_t count = 0; count < too_many; ++count) {
        send(PostMessage{kConnection, 1, Bytes(count)});
    }
    const auto answers = received();
    ASSERT_EQ(answers.size(), too_many);
    EXPECT_EQ(std::get<PostAnswer>(answers[vm::Partition::kMaxQueuedMessages]).status,
              wire::HvStatus::kInsufficientBuffers);
    EXPECT_EQ(partition_->refused_messages(), 3U);
    EXPECT_THAT(owner_.messages, IsEmpty());

    owner_.full = false;
    partition_->retry_messages();
    ASSERT_EQ(owner_.messages.size(), vm::Partition::kMaxQueuedMessages);
    EXPECT_EQ(owner_.messages.front(), 0U);
    EXPECT_EQ(owner_.messages.back(), vm::Partition::kMaxQueuedMessages - 1);
}

TEST_F(LoopbackPartitionTest, PostsIntoTheGuestsSlotAndHearsOfItsEnd) {
    EXPECT_EQ(*partition_->post_message(kTarget, {.type = 1, .payload = Bytes(3)}),
              vm::PostResult::kDisabled);
    enable_synic();
    EXPECT_EQ(*partition_->post_message(kTarget, {.type = 1, .payload = Bytes(3)}),
              vm::PostResult::kPosted);
    EXPECT_EQ(*partition_->post_message(kTarget, {.type = 1, .payload = Bytes(3)}),
              vm::PostResult::kSlotBusy);
    EXPECT_THAT(owner_.freed, IsEmpty());
    send(EndOfMessage{0});
    EXPECT_THAT(owner_.freed, ElementsAre(kTarget));
    send(EndOfMessage{0});
    EXPECT_EQ(owner_.freed.size(), 1U) << "nothing was pending any more";
}

TEST_F(LoopbackPartitionTest, InterruptsOncePerEventFlag) {
    (void)received();
    const int interrupt = fds_[1].get();
    const auto is_due = [&] {
        pollfd waiting{.fd = interrupt, .events = POLLIN, .revents = 0};
        return ::poll(&waiting, 1, 0) == 1;
    };
    enable_synic();
    partition_->signal_event(kTarget, 5);
    EXPECT_TRUE(is_due());
    acknowledge_interrupt(interrupt);
    partition_->signal_event(kTarget, 5);
    EXPECT_FALSE(is_due()) << "the guest has not cleared the flag";
    partition_->signal_event_again(kTarget, 5);
    EXPECT_TRUE(is_due());
    acknowledge_interrupt(interrupt);
    partition_->signal_event(kTarget, 6);
    EXPECT_TRUE(is_due());
}

TEST_F(LoopbackPartitionTest, PassesTheEventOfAPort) {
    (void)received();
    const UniqueFd event(::eventfd(0, EFD_NONBLOCK));
    ASSERT_TRUE(partition_->connect_port(0x10001, event.get()));
    EXPECT_THAT(received(), ElementsAre(ConnectPort{0x10001}));
    ASSERT_EQ(fds_.size(), 1U);
    const uint64_t one = 1;
    EXPECT_EQ(::write(fds_[0].get(), &one, sizeof(one)), 8);
    uint64_t count = 0;
    EXPECT_EQ(::read(event.get(), &count, sizeof(count)), 8);
    partition_->disconnect_port(0x10001);
    EXPECT_THAT(received(), ElementsAre(DisconnectPort{0x10001}));
}

TEST_F(LoopbackPartitionTest, TakesNothingFromThePausedGuest) {
    (void)received();
    partition_->pause();
    partition_->pause();
    send(PostMessage{kConnection, 1, Bytes(10)});
    EXPECT_THAT(owner_.messages, IsEmpty());
    partition_->resume();
    turn();
    EXPECT_THAT(owner_.messages, ElementsAre(10));
    EXPECT_THAT(received(), ElementsAre(Pause{}, Resume{}, PostAnswer{wire::HvStatus::kSuccess}));
}

TEST_F(LoopbackPartitionTest, IsPausedInTheTurnInWhichTheGuestSpoke) {
    // The loop hears of both at once, and of the wish to pause first.
    const UniqueFd wish(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
    ASSERT_TRUE(loop_->watch(wish.get(), EPOLLIN, [&](uint32_t) {
        loop_->unwatch(wish.get());
        partition_->pause();
    }));
    send(PostMessage{kConnection, 1, Bytes(10)});
    EXPECT_THAT(owner_.stops, IsEmpty()) << "it did not end";
    EXPECT_THAT(owner_.messages, IsEmpty());
    partition_->resume();
    turn();
    EXPECT_THAT(owner_.messages, ElementsAre(10));
}

TEST_F(LoopbackPartitionTest, ReportsCrashPowerOffAndTheEndOfTheProcess) {
    send(Crash{{1, 2, 3, 4, 5}, "oops"});
    EXPECT_THAT(owner_.crashes, ElementsAre("oops"));
    send(Stop{StopKind::kPowerOff});
    guest_.reset();
    turn();
    EXPECT_THAT(owner_.stops, ElementsAre(vm::StopReason::kPowerOff));
    EXPECT_FALSE(partition_->is_attached());
    EXPECT_FALSE(partition_->start());

    ASSERT_TRUE(partition_->reset());
    ASSERT_TRUE(partition_->start());
    attach();
    EXPECT_EQ(received().size(), 2U);
    guest_.reset();
    turn();
    EXPECT_THAT(owner_.stops, ElementsAre(vm::StopReason::kPowerOff, vm::StopReason::kTripleFault));
}

TEST_F(LoopbackPartitionTest, NoticesTheEndOfAPausedProcess) {
    partition_->pause();
    guest_.reset();
    turn();
    EXPECT_THAT(owner_.stops, ElementsAre(vm::StopReason::kTripleFault));
}

TEST_F(LoopbackPartitionTest, StopsOnRequestAndTakesANewProcessAfterReset) {
    partition_->request_stop(vm::StopReason::kReset);
    EXPECT_THAT(owner_.stops, ElementsAre(vm::StopReason::kReset));
    EXPECT_FALSE(partition_->is_attached());
    partition_->request_stop(vm::StopReason::kPowerOff);
    turn();
    EXPECT_EQ(owner_.stops.size(), 1U) << "it had stopped already";
    EXPECT_FALSE(guest_->send(Bytes(1))) << "the process sees its host gone";

    ASSERT_TRUE(partition_->reset());
    attach();
    ASSERT_TRUE(partition_->start());
    EXPECT_EQ(received().size(), 2U);
    send(Stop{StopKind::kReset});
    partition_->detach();
    ASSERT_TRUE(partition_->reset());
    attach();
    ASSERT_TRUE(partition_->start());
    send(WriteRegister{0, SynicRegister::kControl, 1});
    EXPECT_EQ(partition_->rejected_packets(), 0U);
    EXPECT_THAT(owner_.stops, ElementsAre(vm::StopReason::kReset, vm::StopReason::kReset));
}

TEST_F(LoopbackPartitionTest, DropsWhatTheProcessSentBeforeItHeardOfTheReset) {
    enable_synic();
    ASSERT_TRUE(partition_->memory().write(LoopbackPartition::kRamStart, uint32_t{0x1234}));
    (void)received();
    ASSERT_TRUE(partition_->reset());
    ASSERT_TRUE(partition_->start());
    EXPECT_EQ(*partition_->memory().read<uint32_t>(LoopbackPartition::kRamStart), 0U);
    EXPECT_EQ(*partition_->post_message(kTarget, {.type = 1, .payload = Bytes(3)}),
              vm::PostResult::kDisabled);

    send(PostMessage{kConnection, 1, Bytes(10)});
    send(ResetDone{77});
    send(PostMessage{kConnection, 1, Bytes(10)});
    EXPECT_THAT(owner_.messages, IsEmpty());
    const auto packets = received();
    ASSERT_EQ(packets.size(), 2U);
    send(ResetDone{std::get<Reset>(packets[0]).generation});
    send(PostMessage{kConnection, 1, Bytes(11)});
    EXPECT_THAT(owner_.messages, ElementsAre(11));
}

TEST_F(LoopbackPartitionTest, CountsAndSurvivesMalformedPackets) {
    for (const size_t size : {size_t{1}, size_t{4}, size_t{300}, size_t{10'000}}) {
        ASSERT_TRUE(guest_->send(Bytes(size, std::byte{0xff})));
        turn();
    }
    send(WriteRegister{99, SynicRegister::kControl, 1});
    send(EndOfMessage{99});
    EXPECT_EQ(partition_->rejected_packets(), 5U);
    EXPECT_THAT(owner_.stops, IsEmpty());
}

TEST_F(LoopbackPartitionTest, GivesUpAGuestThatNeverReadsItsAnswers) {
    for (int count = 0; count < 10'000 && owner_.stops.empty(); ++count) {
        (void)guest_->send(format_packet(GuestPacket(PostMessage{99, 1, {}})));
        turn();
    }
    EXPECT_THAT(owner_.stops, ElementsAre(vm::StopReason::kTripleFault));
}

TEST_F(LoopbackPartitionTest, TakesOneProcessAtATime) {
    std::array<int, 2> fds{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds.data()), 0);
    const UniqueFd other(fds[1]);
    EXPECT_FALSE(partition_->attach(UniqueFd(fds[0])));
}

TEST(LoopbackPartition, RejectsSizesOutsideItsLimits) {
    const auto loop = *loop::Loop::create();
    EXPECT_FALSE(LoopbackPartition::create({.memory_bytes = 4096}, *loop));
    EXPECT_FALSE(LoopbackPartition::create({.memory_bytes = (512 << 10) + 1}, *loop));
    EXPECT_FALSE(LoopbackPartition::create({.processors = 0}, *loop));
    EXPECT_FALSE(LoopbackPartition::create({.processors = 65}, *loop));
}

TEST(LoopbackPartition, KeepsTheReferenceCounterFromItsStart) {
    const auto loop = *loop::Loop::create();
    const auto partition = *LoopbackPartition::create({}, *loop);
    const uint64_t before = partition->reference_time();
    EXPECT_LE(before, partition->reference_time());
    EXPECT_LT(before, 600'000'000U);
}

}  // namespace
}  // namespace hvis::loopback
