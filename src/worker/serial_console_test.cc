#include "worker/serial_console.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace hvis::worker {
namespace {

/// A console on a Unix socket, a port behind it, and a client that reads when it is told to.
class SerialConsoleTest : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
        auto loop = loop::Loop::create();
        ASSERT_TRUE(loop);
        loop_ = *std::move(loop);
        auto console = SerialConsole::create({.kind = SerialConfig::Kind::kSocket,
                                              .path = folder_ + "/serial",
                                              .log = folder_ + "/serial.log"},
                                             *loop_);
        ASSERT_TRUE(console) << console.error().what;
        console_ = *std::move(console);
        console_->attach(serial_);
        connect();
    }
    void TearDown() override {
        console_.reset();
        std::filesystem::remove_all(folder_);
    }

    void connect() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = folder_ + "/serial";
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        client_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        // SAFETY: the sockets API takes every address family through this one type.
        ASSERT_EQ(
            ::connect(client_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
        turn();
    }
    void turn() { loop_->run_once(std::chrono::milliseconds(0)); }
    /// The guest writes one character, and the loop gets its turn, as at a slow line.
    void guest_writes(char character) {
        const std::array<std::byte, 1> data = {std::byte(character)};
        serial_.write(0, data);
        turn();
    }
    std::string read_client() {
        std::string text;
        std::array<char, 65536> bytes{};
        ssize_t size = 0;
        while ((size = ::recv(client_.get(), bytes.data(), bytes.size(), 0)) > 0) {
            text.append(bytes.data(), static_cast<size_t>(size));
            turn();
        }
        return text;
    }

    std::string folder_ = "/tmp/serial.XXXXXX";
    std::unique_ptr<loop::Loop> loop_;
    std::unique_ptr<SerialConsole> console_;
    device::Serial serial_{
        {.raise_interrupt = [] {}, .output_ready = [this] { console_->output_ready(); }}};
    UniqueFd client_;
};

// A socket takes only some hundred pieces of one byte before it is full.
TEST_F(SerialConsoleTest, GoesOnAfterAClientThatDidNotReadForAWhile) {
    std::string said;
    for (int i = 0; i < 5000; ++i) {
        said += static_cast<char>('a' + i % 26);
        guest_writes(said.back());
    }
    std::ifstream log(folder_ + "/serial.log");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(log), {}), said)
        << "the log does not wait for the client";
    EXPECT_EQ(read_client(), said);
    guest_writes('!');
    EXPECT_EQ(read_client(), "!");
}

TEST_F(SerialConsoleTest, KeepsForTheNextClientWhatTheLastOneLeft) {
    client_.reset();
    turn();
    guest_writes('a');
    guest_writes('b');
    connect();
    EXPECT_EQ(read_client(), "ab");
}

TEST_F(SerialConsoleTest, WaitsAtTheEndForAClientThatReadsSlowly) {
    std::string said;
    for (int i = 0; i < 5000; ++i) {
        said += static_cast<char>('a' + i % 26);
        guest_writes(said.back());
    }
    // By now the socket is full, and the rest is with the console.
    std::string heard;
    std::jthread reader([&] {
        pollfd entry{.fd = client_.get(), .events = POLLIN, .revents = 0};
        std::array<char, 512> bytes{};
        while (heard.size() < said.size() && ::poll(&entry, 1, 10'000) == 1) {
            const ssize_t size = ::recv(client_.get(), bytes.data(), bytes.size(), 0);
            if (size <= 0) {
                return;
            }
            heard.append(bytes.data(), static_cast<size_t>(size));
        }
    });
    console_->flush();
    reader.join();
    EXPECT_EQ(heard, said);
}

// A terminal says that it can be written to when there is room for less than is written.
TEST(SerialConsoleOnATerminal, DoesNotWaitForOneThatNobodyReads) {
    int ours = -1;
    int theirs = -1;
    ASSERT_EQ(::openpty(&ours, &theirs, nullptr, nullptr, nullptr), 0);
    const UniqueFd reader(ours);
    std::cout.flush();
    const UniqueFd real_output(::dup(STDOUT_FILENO));
    ASSERT_EQ(::dup2(theirs, STDOUT_FILENO), STDOUT_FILENO);
    ::close(theirs);
    {
        const auto loop = *loop::Loop::create();
        std::unique_ptr<SerialConsole> console = *SerialConsole::create(
            {.kind = SerialConfig::Kind::kStdout, .path = {}, .log = {}}, *loop);
        device::Serial serial{
            {.raise_interrupt = [] {}, .output_ready = [&] { console->output_ready(); }}};
        console->attach(serial);
        constexpr std::array kData = {std::byte('a')};
        for (int i = 0; i < 100'000; ++i) {
            serial.write(0, kData);
            if (i % 97 == 0) {
                loop->run_once(std::chrono::milliseconds(0));
            }
        }
        loop->run_once(std::chrono::milliseconds(0));
        console->flush();
    }
    ::dup2(real_output.get(), STDOUT_FILENO);
    std::array<char, 64> begin{};
    EXPECT_GT(::read(reader.get(), begin.data(), begin.size()), 0) << "it went to the terminal";
    EXPECT_EQ(begin.front(), 'a');
}

TEST_F(SerialConsoleTest, DoesNotWaitForEverForAClientThatDoesNotRead) {
    for (int i = 0; i < 5000; ++i) {
        guest_writes('a');
    }
    const auto start = loop::Loop::now();
    console_->flush();
    EXPECT_GE(loop::Loop::now() - start, SerialConsole::kFlushPatience);
}

}  // namespace
}  // namespace hvis::worker
