#include "loopback/guest/guest_server.h"

#include <array>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "loopback/guest/loopback_fixture.h"
#include "loopback/power_line.h"

namespace hvis::loopback {
namespace {

using ::testing::ElementsAre;

/// One VM whose guests come from a server on the same loop.
class GuestServerTest : public LoopbackFixture {
protected:
    GuestServerTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        server_.add_line(UniqueFd(ends[0]));
        line_.emplace(UniqueFd(ends[1]));
    }
    void switch_on(GuestFault fault = GuestFault::kNone) {
        auto socket = line_->power_on({.name = "web", .fault = fault});
        ASSERT_TRUE(socket);
        ASSERT_TRUE(vm_->run(*std::move(socket)));
    }

    GuestServer server_{*loop_};
    std::optional<PowerLine> line_;
    std::vector<UniqueFd> kept_;
};

TEST_F(GuestServerTest, RunsAGuestForEachOrder) {
    make_vm(quick_config());
    switch_on();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_EQ(server_.guest_count(), 1U);
    vm_.reset();
    EXPECT_TRUE(turn_until([this] { return server_.guest_count() == 0; }));
    EXPECT_FALSE(server_.idle()) << "the host may want another";
    make_vm(quick_config());
    switch_on();
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
}

TEST_F(GuestServerTest, GivesAGuestTheFaultThatWasOrdered) {
    make_vm(quick_config());
    switch_on(GuestFault::kCrashes);
    ASSERT_TRUE(turn_until([this] { return !crashes_.empty(); }));
    EXPECT_THAT(crashes_, ElementsAre(::testing::HasSubstr("Kernel panic")));
    EXPECT_TRUE(
        turn_until([this] { return primary(vm::ServiceKind::kHeartbeat) != ic::Primary::kOk; }));
    EXPECT_TRUE(stops_.empty()) << "a guest that panicked stays until its host acts";
}

TEST_F(GuestServerTest, KeepsAGuestWhoseLineIsGone) {
    make_vm(quick_config());
    switch_on();
    line_.reset();
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_FALSE(server_.idle());
    vm_.reset();
    EXPECT_TRUE(turn_until([this] { return server_.idle(); }));
}

TEST_F(GuestServerTest, GoesOnAfterOrdersThatAreNone) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    server_.add_line(UniqueFd(ends[0]));
    PacketSocket raw{UniqueFd(ends[1])};
    ASSERT_TRUE(raw.send(Bytes(7)));
    ASSERT_TRUE(raw.send(format_power_on({.name = "without a socket"})));
    make_vm(quick_config());
    switch_on();
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_EQ(server_.guest_count(), 1U);
    ASSERT_TRUE(raw.send(Bytes(1000)));
}

TEST_F(GuestServerTest, TurnsAwayAHostTooMany) {
    for (size_t count = 1; count < GuestServer::kMaxLines; ++count) {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        server_.add_line(UniqueFd(ends[0]));
        kept_.emplace_back(ends[1]);
    }
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    PacketSocket other{UniqueFd(ends[1])};
    server_.add_line(UniqueFd(ends[0]));
    Bytes buffer(16);
    EXPECT_EQ(other.receive(buffer, nullptr).error().code, Errc::kState);
}

}  // namespace
}  // namespace hvis::loopback
