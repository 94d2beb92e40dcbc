#include "control/packet.h"

#include <array>
#include <cstring>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace hvis::control {
namespace {

class PacketTest : public testing::Test {
protected:
    PacketTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        near_.reset(ends[0]);
        far_.reset(ends[1]);
    }

    UniqueFd near_;
    UniqueFd far_;
    Packet packet_;
};

TEST_F(PacketTest, KeepsPacketsApart) {
    ASSERT_EQ(*send_packet(near_.get(), "one"), true);
    ASSERT_EQ(*send_packet(near_.get(), "two"), true);
    ASSERT_EQ(*receive_packet(far_.get(), packet_), ReceiveStatus::kPacket);
    EXPECT_EQ(packet_.text, "one");
    ASSERT_EQ(*receive_packet(far_.get(), packet_), ReceiveStatus::kPacket);
    EXPECT_EQ(packet_.text, "two");
    EXPECT_EQ(*receive_packet(far_.get(), packet_), ReceiveStatus::kNothing);
}

TEST_F(PacketTest, CarriesTheLongestPacketAndRefusesToSendALongerOne) {
    const std::string longest(kMaxPacketBytes, 'x');
    ASSERT_EQ(*send_packet(near_.get(), longest), true);
    ASSERT_EQ(*receive_packet(far_.get(), packet_), ReceiveStatus::kPacket);
    EXPECT_EQ(packet_.text, longest);
    EXPECT_EQ(send_packet(near_.get(), longest + "x").error().code, Errc::kLimit);
}

TEST_F(PacketTest, ThrowsAwayAPacketThatIsTooLong) {
    const std::string giant(kMaxPacketBytes + 1, 'x');
    ASSERT_EQ(::send(near_.get(), giant.data(), giant.size(), 0),
              static_cast<ssize_t>(giant.size()));
    ASSERT_EQ(*send_packet(near_.get(), "next"), true);
    EXPECT_EQ(*receive_packet(far_.get(), packet_), ReceiveStatus::kTooLong);
    EXPECT_EQ(*receive_packet(far_.get(), packet_), ReceiveStatus::kPacket);
    EXPECT_EQ(packet_.text, "next");
}

TEST_F(PacketTest, CarriesDescriptorsAndMakesThemCloseOnExec) {
    const std::array fds = {near_.get(), far_.get()};
    ASSERT_EQ(*send_packet(near_.get(), "take", fds), true);
    ASSERT_EQ(*receive_packet(far_.get(), packet_), ReceiveStatus::kPacket);
    ASSERT_EQ(packet_.fds.size(), 2U);
    EXPECT_NE(::fcntl(packet_.fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(PacketTest, ClosesAllDescriptorsWhenThereAreTooMany) {
    constexpr size_t kMany = kMaxPacketFds + 3;
    std::array<int, kMany> fds{};
    fds.fill(near_.get());
    std::string text = "many";
    iovec part{.iov_base = text.data(), .iov_len = text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(fds))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(fds));
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof(fds));
    ASSERT_EQ(::sendmsg(near_.get(), &message, 0), 4);

    const UniqueFd before(::dup(near_.get()));
    ASSERT_EQ(*receive_packet(far_.get(), packet_), ReceiveStatus::kPacket);
    EXPECT_EQ(packet_.text, "many");
    EXPECT_TRUE(packet_.fds.empty());
    const UniqueFd after(::dup(near_.get()));
    EXPECT_EQ(after.get(), before.get() + 1) << "descriptors were left open";
}

TEST_F(PacketTest, NoticesThatThePeerIsGone) {
    far_.reset();
    EXPECT_EQ(*receive_packet(near_.get(), packet_), ReceiveStatus::kClosed);
    EXPECT_EQ(send_packet(near_.get(), "x").error().os_error, EPIPE);
}

}  // namespace
}  // namespace hvis::control
