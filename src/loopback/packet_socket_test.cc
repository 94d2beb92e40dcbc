#include "loopback/packet_socket.h"

#include <array>
#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback/interrupt_line.h"
#include "loopback/listener.h"

namespace hvis::loopback {
namespace {

struct Ends {
    PacketSocket near;
    PacketSocket far;
};

Ends connected_pair() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()), 0);
    return {PacketSocket(UniqueFd(fds[0])), PacketSocket(UniqueFd(fds[1]))};
}

TEST(PacketSocket, CarriesPacketsAndDescriptors) {
    auto ends = connected_pair();
    const UniqueFd event(::eventfd(42, 0));
    const std::array fds = {event.get()};
    const Bytes packet(100, std::byte{3});
    ASSERT_TRUE(ends.near.send(packet, fds));

    Bytes buffer(200);
    std::vector<UniqueFd> received;
    EXPECT_EQ(*ends.far.receive(buffer, &received), std::optional<size_t>(100));
    ASSERT_EQ(received.size(), 1U);
    uint64_t value = 0;
    EXPECT_EQ(::read(received[0].get(), &value, sizeof(value)), 8);
    EXPECT_EQ(value, 42U);
    EXPECT_EQ(*ends.far.receive(buffer, nullptr), std::optional<size_t>());
}

TEST(PacketSocket, DropsDescriptorsThatNobodyAskedFor) {
    auto ends = connected_pair();
    const UniqueFd event(::eventfd(0, 0));
    const std::array fds = {event.get(), event.get()};
    ASSERT_TRUE(ends.near.send(Bytes(1), fds));
    const int next = ::dup(0);
    ::close(next);
    Bytes buffer(1);
    EXPECT_TRUE(ends.far.receive(buffer, nullptr));
    const int after = ::dup(0);
    ::close(after);
    EXPECT_EQ(next, after);
}

TEST(PacketSocket, DropsAPacketThatIsTooLongAndGoesOn) {
    auto ends = connected_pair();
    ASSERT_TRUE(ends.near.send(Bytes(11)));
    ASSERT_TRUE(ends.near.send(Bytes(10)));
    Bytes buffer(10);
    const auto first = ends.far.receive(buffer, nullptr);
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, Errc::kProtocol);
    EXPECT_EQ(*ends.far.receive(buffer, nullptr), std::optional<size_t>(10));
}

TEST(PacketSocket, SaysSoWhenTheOtherSideDoesNotRead) {
    auto ends = connected_pair();
    Result<void> sent;
    for (int count = 0; count < 100'000 && sent; ++count) {
        sent = ends.near.send(Bytes(100));
    }
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Errc::kLimit);
}

TEST(PacketSocket, SaysSoWhenTheOtherSideIsGone) {
    auto ends = connected_pair();
    ends.far.shut_down();
    Bytes buffer(10);
    EXPECT_EQ(ends.near.receive(buffer, nullptr).error().code, Errc::kState);
    EXPECT_EQ(ends.near.send(Bytes(1)).error().code, Errc::kState);
}

TEST(PacketSocket, HearsTheLastWordsOfASideThatLeftWithoutReading) {
    auto ends = connected_pair();
    ASSERT_TRUE(ends.near.send(Bytes(3)));
    ASSERT_TRUE(ends.far.send(Bytes(5)));
    {
        const PacketSocket gone = std::move(ends.far);
    }
    (void)ends.near.send(Bytes(3));
    Bytes buffer(10);
    EXPECT_EQ(*ends.near.receive(buffer, nullptr), std::optional<size_t>(5));
    EXPECT_EQ(ends.near.receive(buffer, nullptr).error().code, Errc::kState);
}

TEST(Listener, HandsOverEachConnectionAndRemovesItsSocket) {
    const auto loop = *loop::Loop::create();
    const auto path = std::filesystem::temp_directory_path() /
                      ("hvis-listener-test." + std::to_string(::getpid()));
    int connections = 0;
    {
        const auto listener = Listener::create(*loop, path, [&](UniqueFd) { ++connections; });
        ASSERT_TRUE(listener);
        EXPECT_EQ(std::filesystem::status(path).permissions(),
                  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        const auto first = connect_to_host(path);
        const auto second = connect_to_host(path);
        EXPECT_TRUE(first);
        EXPECT_TRUE(second);
        while (connections < 2) {
            loop->run_once(std::chrono::seconds(1));
        }
    }
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_EQ(connect_to_host(path).error().os_error, ENOENT);
}

TEST(Listener, RejectsAPathThatNoSocketCanHave) {
    const auto loop = *loop::Loop::create();
    EXPECT_FALSE(Listener::create(*loop, std::string(200, 'x'), [](UniqueFd) {}));
    EXPECT_FALSE(connect_to_host(""));
}

bool is_readable(int fd) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, 0) == 1;
}

TEST(InterruptLine, IsReadableUntilAcknowledgedEachTime) {
    const auto line = *InterruptLine::create();
    EXPECT_FALSE(is_readable(line.guest_fd()));
    for (int round = 0; round < 3; ++round) {
        line.raise();
        line.raise();
        EXPECT_TRUE(is_readable(line.guest_fd()));
        acknowledge_interrupt(line.guest_fd());
        EXPECT_FALSE(is_readable(line.guest_fd()));
    }
}

TEST(InterruptLine, CannotBeFilledOrMadeBlockingByItsGuest) {
    const auto line = *InterruptLine::create();
    const uint64_t nearly_full = ~uint64_t{1};
    EXPECT_EQ(::write(line.guest_fd(), &nearly_full, sizeof(nearly_full)), -1);
    EXPECT_EQ(::fcntl(line.guest_fd(), F_SETFL, 0), 0);
    line.raise();
    EXPECT_TRUE(is_readable(line.guest_fd()));
}

}  // namespace
}  // namespace hvis::loopback
