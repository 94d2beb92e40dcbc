// hvis-vm against a guest that posts random messages, GPADLs and hypercalls, and fills its rings
// with random bytes and indices. Acceptance cases 157, 160, 161, 164.
#include <algorithm>
#include <iostream>

#include <gtest/gtest.h>

#include "harness/console.h"
#include "harness/machine.h"

namespace hvis::guests {
namespace {

/// What hvis-vm may need on top of what it needs before the first wrong message. Its named limits
/// add up to far less.
constexpr uint64_t kAllowance = 24U << 20;
/// By how much it may grow between two moments at which the guest holds nothing. All that it ever
/// needs it has by half time; what is lost then is a leak, however slow: 500 bytes a round are
/// seen.
constexpr uint64_t kSecondHalfGrowth = 1U << 20;

class HostileGuest : public testing::TestWithParam<unsigned> {
protected:
    void SetUp() override {
        machine_ = Machine::start(
            {.name = "hostile",
             .memory_mib = 64,
             .kernel = HVIS_HOSTILE_GUEST,
             .append = "rounds=" + std::to_string(kRounds) + " seed=" + std::to_string(GetParam()),
             .on_reset = "stop"});
        ASSERT_NE(machine_, nullptr);
        console_ = Console::connect(machine_->paths().serial, Clock::now() + kReplyPatience);
        ASSERT_NE(console_, nullptr);
    }
    void TearDown() override {
        if (HasFailure() && machine_ != nullptr) {
            std::cout << "--- hvis-vm's log\n" << machine_->log() << "\n";
        }
    }

    /// What hvis-vm has of its host.
    struct Holdings {
        uint64_t memory = 0;  ///< bytes of its own
        size_t files = 0;
    };
    [[nodiscard]] Holdings holdings() {
        const Process& worker = machine_->process();
        return {.memory = worker.private_bytes(), .files = worker.open_files()};
    }
    /// Somebody watches while it happens: the control socket answers until the guest has written
    /// this and waits to be told to go on.
    Holdings watch_until(std::string_view text) {
        while (machine_->process().running()) {
            const Reply status = machine_->call(control::StatusCommand{});
            EXPECT_TRUE(status.ok()) << status;
            most_ = std::max(most_, holdings().memory);
            if (!status.ok() || console_->wait_text(text, Clock::now())) {
                break;
            }
        }
        return holdings();
    }

    static constexpr int kRounds = 4000;
    uint64_t most_ = 0;  ///< that hvis-vm ever had of memory
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<Console> console_;
};

TEST_P(HostileGuest, CannotHurtItsHost) {
    const Holdings at_first = holdings();
    const Holdings at_half = watch_until("hostile: half\n");
    console_->send("go on");
    const Holdings in_the_end = watch_until("offers in the end\n");
    console_->send("switch off");
    EXPECT_EQ(machine_->wait_exit(), 0) << "1: the machine crashed, 134 or 139: hvis-vm did";
    EXPECT_LT(most_, at_first.memory + kAllowance);
    EXPECT_LE(in_the_end.memory, at_half.memory + kSecondHalfGrowth);
    EXPECT_EQ(in_the_end.files, at_half.files);
    const std::string& said = console_->transcript();
    EXPECT_NE(said.find("hostile: done"), std::string::npos) << said;
    EXPECT_EQ(said.find("hostile: not served"), std::string::npos) << said;
    EXPECT_NE(said.find("hostile: served"), std::string::npos)
        << "a guest that behaves again must be served again: " << said;
    for (const char* sign : {"Sanitizer", "runtime error", "Assertion"}) {
        EXPECT_EQ(machine_->log().find(sign), std::string::npos);
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HostileGuest, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace hvis::guests
