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
/// add up to far less; a leak of one message in a hundred comes to more.
constexpr uint64_t kAllowance = 24U << 20;

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

    static constexpr int kRounds = 4000;
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<Console> console_;
};

TEST_P(HostileGuest, CannotHurtItsHost) {
    Process& worker = machine_->process();
    const uint64_t at_first = worker.private_bytes();
    uint64_t most = at_first;
    // Somebody watches while it happens: the control socket answers throughout.
    while (worker.running()) {
        const Reply status = machine_->call(control::StatusCommand{});
        if (!status.ok()) {
            break;  // it was switched off between the two lines
        }
        most = std::max(most, worker.private_bytes());
        if (console_->transcript().find("offers in the end") != std::string::npos) {
            break;
        }
    }
    EXPECT_EQ(machine_->wait_exit(), 0) << "1: the machine crashed, 134 or 139: hvis-vm did";
    EXPECT_LT(most, at_first + kAllowance);
    const std::string& said = console_->transcript();
    EXPECT_NE(said.find("hostile: done"), std::string::npos) << said;
    EXPECT_NE(said.find("hostile: served"), std::string::npos)
        << "a guest that behaves again must be served again: " << said;
    for (const char* sign : {"Sanitizer", "runtime error", "Assertion"}) {
        EXPECT_EQ(machine_->log().find(sign), std::string::npos);
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, HostileGuest, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace hvis::guests
