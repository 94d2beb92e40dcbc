#include "loopback/power_line.h"

#include <array>

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace hvis::loopback {
namespace {

TEST(PowerOn, IsReadAsItWasWritten) {
    for (const std::string_view word : kGuestFaultWords) {
        const PowerOn wanted{
            .name = "web", .fault = *guest_fault_from(word), .seed = 0x0123'4567'89ab'cdef};
        EXPECT_EQ(*parse_power_on(format_power_on(wanted)), wanted);
    }
    EXPECT_EQ(guest_fault_from("hung"), std::nullopt);
}

TEST(PowerOn, CutsANameThatIsTooLong) {
    const auto read =
        parse_power_on(format_power_on({.name = std::string(PowerOn::kMaxName + 1, 'x')}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->name, std::string(PowerOn::kMaxName, 'x'));
}

TEST(PowerOn, IsNotReadFromAnythingElse) {
    const Bytes whole = format_power_on({.name = {}});
    for (size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(parse_power_on(ByteView(whole).first(length))) << length;
    }
    Bytes longer = whole;
    longer.resize(whole.size() + PowerOn::kMaxName + 1);
    EXPECT_FALSE(parse_power_on(longer));
    Bytes other_magic = whole;
    other_magic[0] ^= std::byte{1};
    EXPECT_FALSE(parse_power_on(other_magic));
    Bytes unknown_fault = whole;
    unknown_fault[4] = static_cast<std::byte>(kGuestFaultWords.size());
    EXPECT_FALSE(parse_power_on(unknown_fault));
}

TEST(PowerLine, HandsOverTheOtherEndOfWhatItReturns) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    PowerLine line{UniqueFd(ends[0])};
    PacketSocket server{UniqueFd(ends[1])};
    auto ours = line.power_on({.name = "web"});
    ASSERT_TRUE(ours);

    Bytes buffer(256);
    std::vector<UniqueFd> fds;
    const auto size = server.receive(buffer, &fds);
    ASSERT_TRUE(size && *size);
    EXPECT_EQ(parse_power_on(ByteView(buffer).first(**size))->name, "web");
    ASSERT_EQ(fds.size(), 1U);
    PacketSocket guests(std::move(fds.front()));
    ASSERT_TRUE(PacketSocket(*std::move(ours)).send(Bytes(3)));
    EXPECT_EQ(**guests.receive(buffer, nullptr), 3U);
}

TEST(PowerLine, SaysThatTheServerIsGoneOrDoesNotRead) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    PowerLine line{UniqueFd(ends[0])};
    std::optional<UniqueFd> server(ends[1]);
    Errc refused = Errc::kOs;
    for (int count = 0; count < 100'000; ++count) {
        if (const auto on = line.power_on({.name = "web"}); !on) {
            refused = on.error().code;
            break;
        }
    }
    EXPECT_EQ(refused, Errc::kLimit);
    server.reset();
    EXPECT_EQ(line.power_on({.name = "web"}).error().code, Errc::kState);
    EXPECT_EQ(PowerLine::connect("/nonexistent/socket").error().os_error, ENOENT);
}

}  // namespace
}  // namespace hvis::loopback
