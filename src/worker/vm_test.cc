// The worker's VM with all its verbs, over a guest that is no virtual machine.
#include "worker/vm.h"

#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include "control/client.h"
#include "loopback/guest/guest_server.h"
#include "loopback/power_line.h"
#include "worker/loopback_machine.h"

namespace hvis::worker {
namespace {

using control::Json;
using testing::Contains;

TimePoint soon() { return loop::Loop::now() + std::chrono::seconds(60); }

/// What a worker is made of, on a loop of its own thread, and a client.
class VmTest : public testing::Test {
protected:
    VmTest() {
        set_log_level(LogLevel::kError);
        EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
        config_ = *parse_config(R"({"name":"web","memory":"1M","partition":"loopback",
            "heartbeat":{"interval_ms":100,"latency_ms":1000,"grace_ms":0}})");
    }
    ~VmTest() override {
        loop_->stop();
        if (thread_.joinable()) {
            thread_.join();
        }
        std::filesystem::remove_all(directory_);
    }

    void start() {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        guests_.add_line(UniqueFd(ends[0]));
        line_.emplace(UniqueFd(ends[1]));
        auto vm = Vm::create(config_, *loop_, events_, [&](Machine::Events events) {
            return LoopbackMachine::create(config_, *loop_, *line_, std::move(events));
        });
        ASSERT_TRUE(vm) << vm.error().what;
        vm_ = *std::move(vm);
        const std::string path = directory_ + "/control.sock";
        auto server = control::Server::listen(
            *loop_, events_, path, {},
            [this](const control::Command& command, control::Responder responder) {
                vm_->handle(command, std::move(responder));
            });
        ASSERT_TRUE(server);
        server_ = *std::move(server);
        server_->publish_status([this] { return vm_->status(); });
        vm_->on_status_changed([this] {
            server_->status_changed();
            if (on_change_) {
                on_change_();
            }
        });
        ASSERT_TRUE(vm_->start());
        thread_ = std::jthread([this] { loop_->run(); });
        auto client = control::Client::connect(path, soon());
        ASSERT_TRUE(client);
        client_.emplace(*std::move(client));
    }

    /// The result, or the error's code as {"code":…}.
    Json call(const control::Command& command) {
        auto result = client_->call(command, soon());
        return result ? **result : Json{{"code", to_string(result.error().code)}};
    }
    void wait_for(control::Condition condition) {
        EXPECT_TRUE(call(control::WaitCommand{.condition = condition}).contains("waited_ms"));
    }
    /// The event's fields. `service` may be left out.
    Json wait_for_event(control::EventId id, std::string_view service = {}) {
        if (!subscribed_) {
            subscribed_ = true;
            (void)call(control::EventsSubscribeCommand{.since = 0});
        }
        for (auto event = client_->next_event(soon()); event && *event != nullptr;
             event = client_->next_event(soon())) {
            if ((*event)->at("id") == std::to_underlying(id) &&
                (service.empty() || (*event)->at("service") == service)) {
                return (*event)->at("fields");
            }
        }
        ADD_FAILURE() << "event " << std::to_underlying(id) << " did not come";
        return Json::object();
    }
    Json state() { return call(control::StatusCommand{}).at("state"); }

    std::string directory_ = testing::TempDir() + "hvis-vm-XXXXXX";
    Config config_;
    control::EventLog events_;
    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    loopback::GuestServer guests_{*loop_};
    std::optional<loopback::PowerLine> line_;
    std::unique_ptr<Vm> vm_;
    std::function<void()> on_change_;  ///< of the status; loop thread
    std::unique_ptr<control::Server> server_;
    std::jthread thread_;
    std::optional<control::Client> client_;
    bool subscribed_ = false;
};

using MachineAction = control::MachineCommand::Action;
using ShutdownAction = control::ShutdownCommand::Action;

TEST_F(VmTest, ShowsAGuestWithAllItsServices) {
    start();
    wait_for(control::Condition::kRunning);
    wait_for(control::Condition::kHeartbeat);
    wait_for(control::Condition::kIp);
    const Json status = call(control::StatusCommand{});
    EXPECT_EQ(status.at("state"), "running");
    EXPECT_EQ(status.at("vmbus_version"), "5.3");
    EXPECT_EQ(status.at("guest").at("fqdn"), "web");
    EXPECT_EQ(status.at("exits"), 0);
    for (const Json& service : status.at("services")) {
        EXPECT_EQ(service.at("primary"), "ok") << service.dump();
    }
    EXPECT_EQ(call(control::ServiceListCommand{}).at("services").size(), 4U);
    const Json stats = call(control::StatsCommand{});
    EXPECT_TRUE(stats.at("exits").empty());
    EXPECT_GT(stats.at("counters").at("heartbeat.packets_sent"), 0);
    EXPECT_EQ(call(control::IpShowCommand{}).at("ipv4"), Json({"127.0.0.1"}));
    EXPECT_GT(call(control::HeartbeatShowCommand{}).at("answered"), 0);
}

TEST_F(VmTest, KeepsPairsInTheGuest) {
    start();
    wait_for(control::Condition::kKvp);
    EXPECT_EQ(call(control::KvpSetCommand{.key = "role", .value = "web"}), Json::object());
    const control::KvpGetCommand get{.pool = control::Pool::kExternal, .key = "role"};
    EXPECT_EQ(call(get).at("pairs")[0].at("value"), "web");
    EXPECT_THAT(call(control::KvpListCommand{.pool = control::Pool::kExternal}).at("pairs"),
                Contains(Json{{"key", "role"}, {"value", "web"}}));
    EXPECT_EQ(call(control::KvpDeleteCommand{.key = "role"}), Json::object());
    EXPECT_EQ(call(get).at("code"), "not_found");
}

TEST_F(VmTest, PausesAndGoesOn) {
    start();
    wait_for(control::Condition::kHeartbeat);
    EXPECT_EQ(call(control::MachineCommand{MachineAction::kPause}), Json::object());
    EXPECT_EQ(state(), "paused");
    EXPECT_EQ(call(control::MachineCommand{MachineAction::kResume}), Json::object());
    wait_for(control::Condition::kHeartbeat);
    (void)wait_for_event(control::EventId::kTimeSynced);
    EXPECT_EQ(call(control::TimeSyncCommand{}), Json::object());
    EXPECT_GE(call(control::TimeShowCommand{}).at("syncs"), 1);
}

TEST_F(VmTest, StartsAnewAfterResetAndRestart) {
    start();
    wait_for(control::Condition::kHeartbeat);
    EXPECT_EQ(call(control::MachineCommand{MachineAction::kReset}), Json::object());
    wait_for(control::Condition::kHeartbeat);
    EXPECT_EQ(call(control::ShutdownCommand{.action = ShutdownAction::kRestart, .message = {}}),
              Json::object());
    wait_for(control::Condition::kHeartbeat);
    EXPECT_EQ(state(), "running");
    (void)wait_for_event(control::EventId::kVmReset);
    (void)wait_for_event(control::EventId::kShutdownAccepted);
    (void)wait_for_event(control::EventId::kVmReset);
}

// Whoever asked for a guest that runs again is not told that it does.
TEST_F(VmTest, SaysThatAGuestWhichIsOverWasNotRestarted) {
    start();
    wait_for(control::Condition::kHeartbeat);
    const auto reset = client_->start(control::MachineCommand{MachineAction::kReset}, soon());
    ASSERT_TRUE(reset);
    ASSERT_TRUE(client_->start(control::MachineCommand{MachineAction::kPowerOff}, soon()));
    const auto answer = client_->next_notice(*reset, soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, control::ErrorCode::kFailed);
    EXPECT_THAT(answer.error().message, testing::HasSubstr("not started again"));
}

TEST_F(VmTest, ShutsItsGuestDown) {
    start();
    wait_for(control::Condition::kHeartbeat);
    EXPECT_EQ(call(control::ShutdownCommand{.message = {}}), Json::object());
    EXPECT_EQ(state(), "stopped");
    EXPECT_EQ(vm_->ending().exit_status, 0);
}

TEST_F(VmTest, GivesAShutdownItsTimeoutBesidesAPause) {
    config_.loopback.fault = loopback::GuestFault::kCrashes;  // It answers nothing any more.
    start();
    (void)wait_for_event(control::EventId::kGuestCrashed);
    constexpr auto kTimeout = std::chrono::milliseconds(2000);
    constexpr auto kPause = std::chrono::milliseconds(200);
    const TimePoint begin = loop::Loop::now();
    ASSERT_TRUE(
        client_->start(control::ShutdownCommand{.message = {}, .timeout = kTimeout}, soon()));
    EXPECT_EQ(call(control::MachineCommand{MachineAction::kPause}), Json::object());
    std::this_thread::sleep_for(kPause);
    EXPECT_EQ(call(control::MachineCommand{MachineAction::kResume}), Json::object());
    (void)wait_for_event(control::EventId::kShutdownTimedOut);
    EXPECT_GE(loop::Loop::now() - begin, kTimeout + kPause);
}

TEST_F(VmTest, WithdrawsAServiceAndOffersItAgain) {
    start();
    wait_for(control::Condition::kKvp);
    EXPECT_EQ(call(control::ServiceSwitchCommand{control::Service::kKvp, false}), Json::object());
    EXPECT_EQ(call(control::KvpListCommand{}).at("code"), "unavailable");
    EXPECT_EQ(call(control::ServiceSwitchCommand{control::Service::kKvp, true}), Json::object());
    wait_for(control::Condition::kKvp);
}

TEST_F(VmTest, ResetsAGuestWhoseHeartbeatIsLostAsOftenAsItMay) {
    config_.loopback.fault = loopback::GuestFault::kHungHeartbeat;
    config_.heartbeat.latency = std::chrono::milliseconds(50);
    config_.heartbeat.on_loss = control::OnLoss::kReset;
    config_.heartbeat.attempts = 2;
    start();
    (void)wait_for_event(control::EventId::kHeartbeatLost);
    (void)wait_for_event(control::EventId::kLossActionTaken);
    (void)wait_for_event(control::EventId::kLossActionTaken);
    (void)wait_for_event(control::EventId::kLossAttemptsExhausted);
    EXPECT_EQ(state(), "running");
}

TEST_F(VmTest, ActsOnALostGuestByThePolicyThatComesAfterwards) {
    config_.loopback.fault = loopback::GuestFault::kHungHeartbeat;
    config_.heartbeat.latency = std::chrono::milliseconds(50);
    start();
    (void)wait_for_event(control::EventId::kHeartbeatLost);
    control::HeartbeatSetCommand set;
    set.change.misses = 1;
    (void)call(set);
    EXPECT_EQ(state(), "running") << "nothing was changed about what is done";
    set.change.on_loss = control::OnLoss::kPowerOff;
    (void)call(set);
    EXPECT_EQ(wait_for_event(control::EventId::kLossActionTaken).value("action", ""), "power_off");
    wait_for(control::Condition::kStopped);
}

TEST_F(VmTest, StopsWithAGuestThatDies) {
    config_.loopback.fault = loopback::GuestFault::kDies;
    start();
    wait_for(control::Condition::kStopped);
    EXPECT_EQ(state(), "crashed");
    EXPECT_EQ(vm_->ending().exit_status, 1);
    (void)wait_for_event(control::EventId::kTripleFault);
}

TEST_F(VmTest, RestsBeforeItStartsAGuestAgainThatBreaksDownAtOnce) {
    config_.loopback.fault = loopback::GuestFault::kDies;
    config_.on_crash = StopAction::kRestart;
    // The machine goes on to rest and start after the end of the test's body.
    const auto rested = std::make_shared<std::atomic<bool>>(false);
    on_change_ = [this, rested] { *rested = *rested || vm_->status().state == "starting"; };
    start();
    (void)wait_for_event(control::EventId::kTripleFault);
    (void)wait_for_event(control::EventId::kVmStarted);
    EXPECT_TRUE(*rested);
}

TEST_F(VmTest, StopsForGoodWhenItIsToldToWhileItRests) {
    config_.loopback.fault = loopback::GuestFault::kDies;
    config_.on_crash = StopAction::kRestart;
    on_change_ = [this, told = false]() mutable {
        if (!told && vm_->status().state == "starting") {
            told = true;
            vm_->leave();
        }
    };
    start();
    wait_for(control::Condition::kStopped);
    EXPECT_EQ(state(), "stopped");
    int starts = 0;
    const Json list = call(control::EventsListCommand{});
    for (const Json& event : list.at("events")) {
        starts += event.at("name") == "vm_started" ? 1 : 0;
    }
    EXPECT_EQ(starts, 1);
}

TEST_F(VmTest, GoesWithWorkUnderWayAndTheLoopGoesOn) {
    start();
    wait_for(control::Condition::kKvp);
    ASSERT_TRUE(loop_->post([this] {
        for (const control::Command& command :
             {control::Command(control::KvpListCommand{}),
              control::Command(control::KvpWatchCommand{}),
              control::Command(control::WaitCommand{.condition = control::Condition::kStopped})}) {
            vm_->handle(command, control::Responder(nullptr));
        }
        server_.reset();
        vm_.reset();
        // Whatever was put off has had its turn by then.
        loop_->add_timer(loop::Loop::now(), [this] {
            loop_->add_timer(loop::Loop::now(), [this] { loop_->stop(); });
        });
    }));
    thread_.join();
}

TEST_F(VmTest, TellsWhatACrashedGuestReported) {
    config_.loopback.fault = loopback::GuestFault::kCrashes;
    start();
    (void)wait_for_event(control::EventId::kGuestCrashed);
    const Json status = call(control::StatusCommand{});
    EXPECT_EQ(status.at("state"), "crashed");
    EXPECT_THAT(status.at("crash").at("text").get<std::string>(),
                testing::HasSubstr("Kernel panic"));
    EXPECT_EQ(call(control::MachineCommand{MachineAction::kPowerOff}), Json::object());
}

TEST_F(VmTest, OutlivesAVandal) {
    config_.loopback.fault = loopback::GuestFault::kVandal;
    start();
    // The vandal may break its own machine; the VM answers for as long as it is there.
    for (int count = 0; count < 500; ++count) {
        ASSERT_EQ(call(control::StatusCommand{}).at("name"), "web");
    }
    (void)wait_for_event(control::EventId::kGuestMessageRejected, "vmbus");
    EXPECT_EQ(call(control::MachineCommand{MachineAction::kPowerOff}), Json::object());
    wait_for(control::Condition::kStopped);
}

TEST_F(VmTest, SaysHowManyPairsItHasWritten) {
    config_.kvp_external = {{.key = "role", .value = "web"}, {.key = "rack", .value = "7"}};
    start();
    const Json parameters = wait_for_event(control::EventId::kKvpPushed);
    EXPECT_EQ(parameters.value("pool", ""), "parameters");
    EXPECT_EQ(parameters.value("count", ""), "16");
    const Json external = wait_for_event(control::EventId::kKvpPushed);
    EXPECT_EQ(external.value("pool", ""), "external");
    EXPECT_EQ(external.value("count", ""), "2");
}

TEST_F(VmTest, NoticesThatTheHostItselfWasLate) {
    config_.heartbeat.latency = std::chrono::milliseconds(50);
    config_.heartbeat.misses = 50;
    config_.heartbeat.window = 50;
    start();
    wait_for(control::Condition::kHeartbeat);
    ASSERT_TRUE(loop_->post([] { std::this_thread::sleep_for(std::chrono::milliseconds(500)); }));
    const Json stall = wait_for_event(control::EventId::kHostStallNoticed);
    EXPECT_GE(std::stoi(stall.value("late_ms", "0")), 25) << "half of the latency is let pass";
}

// The guest's clock is told in the older layout alone.
TEST_F(VmTest, NoticesAGuestWhoseClockIsWrong) {
    config_.loopback.fault = loopback::GuestFault::kWrongClock;
    config_.services.timesync.max_version = ic::Version{3, 0};
    start();
    const Json offset = wait_for_event(control::EventId::kTimeOffset);
    EXPECT_NEAR(std::stoi(offset.value("offset_ms", "0")), 3'600'000, 30'000);
    EXPECT_EQ(call(control::ServiceListCommand{}).at("services")[2].at("message"), "3.0");
}

TEST_F(VmTest, PushesItsStatusAsItChanges) {
    start();
    (void)call(control::StatusSubscribeCommand{});
    const auto wait_until = [&](std::string_view state) {
        for (auto status = client_->next_status(soon()); status && *status != nullptr;
             status = client_->next_status(soon())) {
            if ((*status)->at("state") == state) {
                return true;
            }
        }
        return false;
    };
    EXPECT_TRUE(wait_until("running"));
    (void)call(control::MachineCommand{MachineAction::kPause});
    EXPECT_TRUE(wait_until("paused"));
    (void)call(control::MachineCommand{MachineAction::kPowerOff});
    EXPECT_TRUE(wait_until("stopped"));
}

}  // namespace
}  // namespace hvis::worker
