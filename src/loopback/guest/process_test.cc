// Guests that really are other processes: attached over a socket, killed, stopped, hostile.
#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loopback/guest/loopback_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// The sanitizers' own count; GCC 12 of Debian comes without the header that declares it.
extern "C" size_t __sanitizer_get_current_allocated_bytes();
#else
#include <malloc.h>
#endif

namespace hvis::loopback {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using vm::ServiceKind;

/// Bytes that the program has allocated and not freed.
size_t allocated_bytes() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return __sanitizer_get_current_allocated_bytes();
#else
    return ::mallinfo2().uordblks;
#endif
}

class GuestProcessTest : public LoopbackFixture {
protected:
    ~GuestProcessTest() override { end_process(SIGKILL); }

    /// Forks a process that runs one guest until it ends; its status is 0 if that switched off.
    void fork_guest(const GuestConfig& config) {
        UniqueFd socket = attach();
        child_ = ::fork();
        ASSERT_GE(child_, 0);
        if (child_ == 0) {
            ::_exit(run_guest(std::move(socket), config));
        }
    }

    static int run_guest(UniqueFd socket, const GuestConfig& config) {
        set_log_level(LogLevel::kError);
        const auto loop = *loop::Loop::create();
        int status = -1;
        const auto guest = *LoopbackGuest::create(
            std::move(socket), *loop, config,
            [&](GuestEnd how) { status = how == GuestEnd::kPoweredOff ? 0 : 1; });
        while (status < 0) {
            loop->run_once(std::chrono::hours(1));
        }
        return status;
    }

    /// Its exit status, or minus the signal that ended it.
    int end_process(int signal) {
        if (child_ <= 0) {
            return 0;
        }
        if (signal != 0) {
            ::kill(child_, signal);
            ::kill(child_, SIGCONT);
        }
        int status = 0;
        ::waitpid(std::exchange(child_, -1), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

    pid_t child_ = -1;
};

TEST_F(GuestProcessTest, ShutsDownWhenAskedAndExits) {
    make_vm(quick_config());
    fork_guest({});
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    ASSERT_TRUE(vm_->services().shutdown().request({}, vm_->services().clocks()));
    vm_->services().pump(ServiceKind::kShutdown);
    ASSERT_TRUE(turn_until([this] { return !stops_.empty(); }));
    EXPECT_THAT(stops_, ElementsAre(vm::StopReason::kPowerOff));
    EXPECT_EQ(end_process(0), 0);
}

TEST_F(GuestProcessTest, IsLostWhenItIsKilled) {
    make_vm(quick_config());
    fork_guest({});
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    EXPECT_EQ(end_process(SIGKILL), -SIGKILL);
    ASSERT_TRUE(turn_until([this] {
        return !stops_.empty() &&
               primary(ServiceKind::kHeartbeat) == ic::Primary::kLostCommunication;
    }));
    EXPECT_THAT(stops_, ElementsAre(vm::StopReason::kTripleFault));

    ASSERT_TRUE(vm_->reset());
    fork_guest({});
    EXPECT_TRUE(turn_until([this] { return all_ok(); })) << "another process takes its place";
}

TEST_F(GuestProcessTest, IsLostWhileItHangsAndRegained) {
    make_vm(quick_config());
    fork_guest({});
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    ::kill(child_, SIGSTOP);
    ASSERT_TRUE(turn_until(
        [this] { return primary(ServiceKind::kHeartbeat) == ic::Primary::kLostCommunication; }));
    EXPECT_THAT(stops_, IsEmpty());
    ::kill(child_, SIGCONT);
    EXPECT_TRUE(turn_until([this] { return all_ok(); }));
}

TEST_F(GuestProcessTest, KnowsTheHostsTimeByTheReferenceCounter) {
    make_vm(quick_config());
    fork_guest({});
    ASSERT_TRUE(turn_until(
        [this] { return all_ok() && vm_->services().timesync().last_sync().has_value(); }));
    ASSERT_TRUE(vm_->services().kvp().get(ic::KvpPool::kGuest, "HostAheadMicroseconds",
                                          vm_->services().clocks()));
    vm_->services().pump(ServiceKind::kKvp);
    std::vector<ic::KvpFinished> finished;
    ASSERT_TRUE(turn_until([&] {
        finished = vm_->services().kvp().take_effects();
        return !finished.empty();
    }));
    ASSERT_EQ(finished[0].pairs.size(), 1U);
    // Both have the same clock; however long the sample took, its age is known.
    EXPECT_LT(std::abs(std::stol(finished[0].pairs[0].value)), 100'000);
}

TEST_F(GuestProcessTest, DoesNoHarmAsAVandal) {
    constexpr auto kWarmUp = std::chrono::milliseconds(300);
    constexpr auto kRampage = std::chrono::milliseconds(1500);
    constexpr size_t kMaxGrowth = size_t{1} << 20;
    set_log_level(LogLevel::kError);
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        make_vm(quick_config());
        fork_guest({.fault = GuestFault::kVandal, .seed = seed});
        turn_for(kWarmUp);
        const size_t before = allocated_bytes();
        turn_for(kRampage);
        EXPECT_LT(allocated_bytes(), before + kMaxGrowth) << "seed " << seed;
        EXPECT_GT(vm_->partition().rejected_packets() + vm_->vmbus().rejected_messages(), 100U);
        end_process(SIGKILL);

        ASSERT_TRUE(turn_until([this] { return !stops_.empty(); }));
        stops_.clear();
        ASSERT_TRUE(vm_->reset());
        fork_guest({});
        EXPECT_TRUE(turn_until([this] { return all_ok(); })) << "after vandal " << seed;
        end_process(SIGKILL);
    }
}

TEST_F(GuestProcessTest, DoesNotDisturbItsNeighbours) {
    set_log_level(LogLevel::kError);
    make_vm(quick_config());
    fork_guest({});
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    const auto good = std::move(vm_);
    const pid_t good_child = std::exchange(child_, -1);
    make_vm(quick_config());
    fork_guest({.fault = GuestFault::kVandal, .seed = 7});
    const auto answered = good->services().heartbeat().counters().answered;
    EXPECT_TRUE(turn_until(
        [&] { return good->services().heartbeat().counters().answered >= answered + 10; }));
    EXPECT_EQ(good->services().report(ServiceKind::kHeartbeat).primary, ic::Primary::kOk);
    end_process(SIGKILL);
    child_ = good_child;
}

}  // namespace
}  // namespace hvis::loopback
