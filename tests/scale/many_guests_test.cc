// Many guests, all in one process of hvis-loopback-guest, against one host loop.
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "loopback/listener.h"
#include "loopback/loopback_vm.h"

namespace hvis::loopback {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kGuests = 100;
constexpr auto kPatience = std::chrono::seconds(90);

class ManyGuests : public ::testing::Test {
protected:
    ManyGuests() {
        set_log_level(LogLevel::kError);
        ::setenv("HVIS_LOG_LEVEL", "error", 1);  // of the guests
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ~ManyGuests() override {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, nullptr, 0);
        }
    }

    void start_guests(std::vector<std::string> options) {
        std::vector<std::string> words = {HVIS_LOOPBACK_GUEST, "--count", std::to_string(kGuests)};
        words.insert(words.end(), options.begin(), options.end());
        words.push_back(path_);
        std::vector<char*> arguments;
        for (auto& word : words) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        ASSERT_EQ(::posix_spawn(&child_, HVIS_LOOPBACK_GUEST, nullptr, nullptr, arguments.data(),
                                environ),
                  0);
    }

    void add(UniqueFd socket) {
        LoopbackVm::Config config;
        config.partition.memory_bytes = 256 << 10;
        vms_.push_back(*LoopbackVm::create(
            config, *loop_,
            {.stopped = [this](vm::StopReason reason) { stops_.push_back(reason); }}));
        ASSERT_TRUE(vms_.back()->run(std::move(socket)));
    }

    [[nodiscard]] bool turn_until(const std::function<bool()>& so) {
        const TimePoint deadline = loop::Loop::now() + kPatience;
        while (!so() && loop::Loop::now() < deadline) {
            loop_->run_once(std::chrono::milliseconds(20));
        }
        return so();
    }

    [[nodiscard]] bool all_ok() const {
        for (const auto& vm : vms_) {
            for (const auto kind : vm::kServiceKinds) {
                if (vm->services().report(kind).primary != ic::Primary::kOk) {
                    return false;
                }
            }
        }
        return vms_.size() == kGuests;
    }

    const std::string path_ =
        std::filesystem::temp_directory_path() / ("hvis-scale-test." + std::to_string(::getpid()));
    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    std::vector<std::unique_ptr<LoopbackVm>> vms_;
    std::vector<vm::StopReason> stops_;
    std::unique_ptr<Listener> listener_ =
        *Listener::create(*loop_, path_, [this](UniqueFd socket) { add(std::move(socket)); });
    pid_t child_ = -1;
};

TEST_F(ManyGuests, ConnectStayAndShutDownOnOneLoop) {
    start_guests({});
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    ASSERT_TRUE(turn_until(
        [this] { return vms_.front()->services().heartbeat().counters().answered >= 3; }));
    EXPECT_TRUE(all_ok());
    EXPECT_THAT(stops_, IsEmpty());

    for (const auto& vm : vms_) {
        ASSERT_TRUE(vm->services().shutdown().request({}, vm->services().clocks()));
        vm->services().pump(vm::ServiceKind::kShutdown);
    }
    ASSERT_TRUE(turn_until([this] { return stops_.size() == kGuests; }));
    EXPECT_THAT(stops_, Each(vm::StopReason::kPowerOff));
    int status = -1;
    ::waitpid(std::exchange(child_, -1), &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "every guest switched off";
}

TEST_F(ManyGuests, AreAllReportedWhenTheirProcessIsKilled) {
    start_guests({});
    ASSERT_TRUE(turn_until([this] { return all_ok(); }));
    ::kill(child_, SIGKILL);
    ASSERT_TRUE(turn_until([this] { return stops_.size() == kGuests; }));
    EXPECT_THAT(stops_, Each(vm::StopReason::kTripleFault));
}

TEST_F(ManyGuests, AreServedWhileAllAreVandals) {
    start_guests({"--fault", "vandal"});
    ASSERT_TRUE(turn_until([this] { return vms_.size() == kGuests; }));
    const TimePoint end = loop::Loop::now() + std::chrono::seconds(3);
    while (loop::Loop::now() < end) {
        loop_->run_once(std::chrono::milliseconds(20));
    }
    uint64_t rejected = 0;
    for (const auto& vm : vms_) {
        rejected += vm->partition().rejected_packets() + vm->vmbus().rejected_messages();
    }
    EXPECT_GT(rejected, kGuests);
}

}  // namespace
}  // namespace hvis::loopback
