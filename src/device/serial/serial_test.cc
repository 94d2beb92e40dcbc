#include "device/serial/serial.h"

#include <array>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace hvis::device {
namespace {

constexpr uint8_t kThre = 0x02;

class SerialTest : public testing::Test {
protected:
    uint8_t in(uint64_t offset) {
        std::array<std::byte, 1> data{};
        serial_.read(offset, data);
        return std::to_integer<uint8_t>(data[0]);
    }
    void out(uint64_t offset, uint8_t value) {
        const std::array data{std::byte{value}};
        serial_.write(offset, data);
    }
    std::string output() {
        const auto bytes = serial_.take_output();
        std::string text;
        for (const auto byte : bytes) {
            text.push_back(std::to_integer<char>(byte));
        }
        return text;
    }
    size_t type(std::string_view text) {
        return serial_.push_input(std::as_bytes(std::span(text)));
    }

    int interrupts_ = 0;
    int ready_ = 0;
    Serial serial_{
        {.raise_interrupt = [this] { ++interrupts_; }, .output_ready = [this] { ++ready_; }}};
};

TEST_F(SerialTest, HandsOutWhatTheGuestSends) {
    for (const char c : std::string_view("hello")) {
        out(0, static_cast<uint8_t>(c));
    }
    EXPECT_EQ(output(), "hello");
    EXPECT_EQ(output(), "");
}

TEST_F(SerialTest, TellsOnceThatThereIsOutput) {
    out(0, 'a');
    out(0, 'b');
    EXPECT_EQ(ready_, 1);
    (void)output();
    out(0, 'c');
    EXPECT_EQ(ready_, 2);
}

TEST_F(SerialTest, DropsOutputPastItsLimit) {
    for (size_t i = 0; i < Serial::kMaxOutput + 3; ++i) {
        out(0, 'x');
    }
    EXPECT_EQ(serial_.dropped(), 3U);
    EXPECT_EQ(output().size(), Serial::kMaxOutput);
}

TEST_F(SerialTest, TakesNoMoreInputThanItsLimit) {
    const std::string much(Serial::kMaxInput + 10, 'x');
    EXPECT_EQ(type(much), Serial::kMaxInput);
    EXPECT_EQ(type("y"), 0U);
    EXPECT_EQ(in(0), 'x');
    EXPECT_EQ(type("yz"), 1U);
}

TEST_F(SerialTest, InterruptsForInputUntilItIsRead) {
    out(1, 0x01);
    EXPECT_EQ(in(2) & 0x0f, 0x01);
    (void)type("ab");
    EXPECT_EQ(interrupts_, 1);
    EXPECT_EQ(in(2) & 0x0f, 0x04);
    EXPECT_EQ(in(5) & 0x01, 0x01);
    EXPECT_EQ(in(0), 'a');
    EXPECT_EQ(in(0), 'b');
    EXPECT_EQ(in(2) & 0x0f, 0x01);
    EXPECT_EQ(in(5) & 0x01, 0);
    (void)type("c");
    EXPECT_EQ(interrupts_, 2);
}

TEST_F(SerialTest, InterruptsWhenTheTransmitterIsEmptyUntilSomebodyLooks) {
    out(1, 0x02);
    EXPECT_EQ(interrupts_, 1);
    EXPECT_EQ(in(2) & 0x0f, kThre);
    EXPECT_EQ(in(2) & 0x0f, 0x01);
    out(0, 'a');
    EXPECT_EQ(interrupts_, 2);
    EXPECT_EQ(in(2) & 0x0f, kThre);
    // Linux, serial8250_do_startup: turning the interrupt off and on must raise it again.
    out(1, 0x00);
    out(1, 0x02);
    EXPECT_EQ(in(2) & 0x0f, kThre);
}

TEST_F(SerialTest, LooksLikeA16550AToADriverThatProbes) {
    // Linux, autoconfig: the loop-back test, then the FIFO test, then the scratch register.
    out(4, 0x10 | 0x0a);
    EXPECT_EQ(in(6) & 0xf0, 0x90);
    out(4, 0);
    out(2, 0x01);
    EXPECT_EQ(in(2) >> 6, 3);
    out(7, 0xae);
    EXPECT_EQ(in(7), 0xae);
    out(3, 0x80);
    out(0, 0x34);
    out(1, 0x12);
    EXPECT_EQ(in(0), 0x34);
    EXPECT_EQ(in(1), 0x12);
    out(3, 0x03);
    EXPECT_EQ(output(), "");
}

TEST_F(SerialTest, LoopsBackWhatIsSent) {
    out(4, 0x10);
    out(0, 'q');
    EXPECT_EQ(output(), "");
    EXPECT_EQ(in(0), 'q');
}

TEST_F(SerialTest, ForgetsInputAndRegistersOnResetButKeepsOutput) {
    out(1, 0x01);
    (void)type("abc");
    out(0, 'z');
    serial_.reset();
    EXPECT_EQ(in(1), 0);
    EXPECT_EQ(in(5) & 1, 0);
    EXPECT_EQ(output(), "z");
}

TEST_F(SerialTest, CarriesBothDirectionsAtOnceAcrossThreads) {
    constexpr size_t kCount = 2'000;
    std::thread guest([&] {
        for (size_t received = 0; received < kCount;) {
            if ((in(5) & 1) != 0) {
                out(0, in(0));
                ++received;
            } else {
                std::this_thread::yield();
            }
        }
    });
    size_t sent = 0;
    size_t received = 0;
    while (received < kCount) {
        if (sent < kCount) {
            sent += type("x");
        }
        received += output().size();
    }
    guest.join();
    EXPECT_EQ(received, kCount);
}

}  // namespace
}  // namespace hvis::device
