#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "loopback/guest/loopback_guest.h"
#include "loopback/loopback_vm.h"

namespace hvis::loopback {

/// A host with one loopback VM on a loop of its own, for tests; the guest is attached by run().
class LoopbackFixture : public ::testing::Test {
protected:
    /// Long enough for a machine under load: tests wait for what happens, not for time.
    static constexpr auto kPatience = std::chrono::seconds(60);

    static LoopbackVm::Config quick_config() {
        LoopbackVm::Config config;
        config.partition.memory_bytes = 256 << 10;
        config.services.heartbeat.interval = std::chrono::milliseconds(100);
        config.services.heartbeat.latency = std::chrono::milliseconds(100);
        config.services.heartbeat.grace = {};
        return config;
    }

    void make_vm(const LoopbackVm::Config& config) {
        vm_ = *LoopbackVm::create(
            config, *loop_,
            {.crashed = [this](const vm::CrashReport& report) { crashes_.push_back(report.text); },
             .stopped = [this](vm::StopReason reason) { stops_.push_back(reason); }});
    }

    /// The guest's end of a new connection; the VM has the other one.
    UniqueFd attach() {
        std::array<int, 2> fds{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()), 0);
        EXPECT_TRUE(vm_->run(UniqueFd(fds[0])));
        return UniqueFd(fds[1]);
    }

    /// Turns the loop until it is so; a test failure when that takes too long.
    [[nodiscard]] bool turn_until(const std::function<bool()>& so) {
        const TimePoint deadline = loop::Loop::now() + kPatience;
        while (!so()) {
            if (loop::Loop::now() > deadline) {
                return false;
            }
            loop_->run_once(std::chrono::milliseconds(20));
        }
        return true;
    }
    void turn_for(Duration duration) {
        const TimePoint end = loop::Loop::now() + duration;
        while (loop::Loop::now() < end) {
            loop_->run_once(end - loop::Loop::now());
        }
    }

    [[nodiscard]] ic::Primary primary(vm::ServiceKind kind) const {
        return vm_->services().report(kind).primary;
    }
    [[nodiscard]] bool all_ok() const {
        for (const auto kind : vm::kServiceKinds) {
            if (primary(kind) != ic::Primary::kOk) {
                return false;
            }
        }
        return true;
    }

    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    std::unique_ptr<LoopbackVm> vm_;
    std::vector<std::string> crashes_;
    std::vector<vm::StopReason> stops_;
};

}  // namespace hvis::loopback
