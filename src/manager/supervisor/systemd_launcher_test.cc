#include "manager/supervisor/systemd_launcher.h"

#include <optional>

#include <gtest/gtest.h>

#include "base/log.h"
#include "manager/supervisor/fake_systemd.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;

class SystemdLauncherTest : public testing::Test {
protected:
    SystemdLauncherTest() {
        set_log_level(LogLevel::kError);
        auto created =
            SystemdLauncher::create(*loop, [this] { return Bus::open(*loop, systemd.address()); },
                                    Bus::Scope::kSystem, {.first_delay = 5ms, .tries = 6});
        EXPECT_TRUE(created) << created.error().message;
        launcher = *std::move(created);
        order.vm = *Guid::parse("5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f");
        order.vm_name = "web";
        order.program = "/bin/sh";
        order.files = VmFiles::of(order.vm, "/run/hvis", "/var/lib/hvis");
    }
    template <class Condition>
    bool run_until(Condition condition) {
        const TimePoint end = loop::Loop::now() + 20s;
        while (!condition() && loop::Loop::now() < end) {
            loop->run_once(20ms);
        }
        return condition();
    }
    Result<WorkerProcess, Failure> launch() {
        std::optional<Result<WorkerProcess, Failure>> outcome;
        launcher->launch(order, [&](auto process) { outcome.emplace(std::move(process)); });
        EXPECT_TRUE(run_until([&] { return outcome.has_value(); }));
        return *std::move(outcome);
    }
    bool found() {
        std::optional<bool> lives;
        launcher->find(order, [&](bool does) { lives = does; });
        EXPECT_TRUE(run_until([&] { return lives.has_value(); }));
        return lives.value_or(false);
    }

    std::unique_ptr<loop::Loop> loop = *loop::Loop::create();
    FakeSystemd systemd{*loop};
    std::unique_ptr<SystemdLauncher> launcher;
    Launcher::Order order;
};

TEST_F(SystemdLauncherTest, RunsTheWorkerAsAConfinedTransientUnit) {
    EXPECT_FALSE(found());
    const auto process = launch();
    ASSERT_TRUE(process) << process.error().message;
    const std::string unit = "hvis-vm@5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f.service";
    ASSERT_TRUE(systemd.units.contains(unit));
    EXPECT_EQ(process->pid(), systemd.units[unit]);
    EXPECT_EQ(systemd.exec_start, "/bin/sh " + order.files.config);
    EXPECT_EQ(systemd.properties["Description"], "hvis: virtual machine web");
    EXPECT_EQ(systemd.properties["CollectMode"], "inactive-or-failed");
    EXPECT_EQ(systemd.properties["NoNewPrivileges"], "true");
    EXPECT_EQ(systemd.properties["ProtectSystem"], "strict");
    EXPECT_EQ(systemd.properties["ReadWritePaths"], "as");
    EXPECT_EQ(systemd.properties["CapabilityBoundingSet"], "0");
    EXPECT_EQ(systemd.properties["RestrictAddressFamilies"], "(bas)");
    EXPECT_EQ(systemd.properties["DevicePolicy"], "closed");
    EXPECT_EQ(systemd.subscribed, 1);
    EXPECT_TRUE(found());
}

TEST_F(SystemdLauncherTest, NeverRunsTwoForOneVm) {
    ASSERT_TRUE(launch());
    const auto second = launch();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, control::ErrorCode::kUnavailable);
    EXPECT_EQ(second.error().hint, "cut its power: hvis stop web --power-off");
}

TEST_F(SystemdLauncherTest, SaysThatTheUnitCouldNotBeStarted) {
    systemd.job_result = "failed";
    const auto process = launch();
    ASSERT_FALSE(process);
    EXPECT_NE(process.error().message.find("ended with 'failed'"), std::string::npos);
    order.program = "/no/such/hvis-vm";
    const auto missing = launch();
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, control::ErrorCode::kUsage);
    EXPECT_NE(missing.error().message.find("workers.program: /no/such/hvis-vm"), std::string::npos);
}

TEST_F(SystemdLauncherTest, KillsTheWholeUnit) {
    const auto process = launch();
    ASSERT_TRUE(process);
    launcher->kill(order, &*process);
    ASSERT_TRUE(run_until([&] { return systemd.units.empty(); }));
    EXPECT_TRUE(process->ended());
    EXPECT_FALSE(found());
}

/// dbus or the systemd of a user is restarted: nobody has to restart hvisd for that.
TEST_F(SystemdLauncherTest, ConnectsAgainAfterTheBusWasRestarted) {
    ASSERT_TRUE(launch());
    systemd.stop_bus();
    ASSERT_TRUE(run_until([&] { return !launcher->connected(); }));
    systemd.start_bus();
    EXPECT_TRUE(found());
    order.vm = *Guid::parse("5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e60");
    const auto process = launch();
    ASSERT_TRUE(process) << process.error().message;
    EXPECT_EQ(systemd.units.size(), 2U);
    EXPECT_EQ(systemd.subscribed, 2);
}

TEST_F(SystemdLauncherTest, KeepsAStartUntilTheBusIsThereAgain) {
    ASSERT_FALSE(found());
    systemd.stop_bus();
    std::optional<Result<WorkerProcess, Failure>> outcome;
    ASSERT_TRUE(run_until([&] { return !launcher->connected(); }));
    launcher->launch(order, [&](auto process) { outcome.emplace(std::move(process)); });
    EXPECT_FALSE(outcome.has_value());
    systemd.start_bus();
    ASSERT_TRUE(run_until([&] { return outcome.has_value(); }));
    EXPECT_TRUE(*outcome) << outcome->error().message;
}

TEST_F(SystemdLauncherTest, GivesUpWithTheNextStepAndTriesAgainWhenAsked) {
    ASSERT_FALSE(found());
    systemd.stop_bus();
    ASSERT_TRUE(run_until([&] { return !launcher->connected(); }));
    const auto refused = launch();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("message bus"), std::string::npos);
    EXPECT_NE(refused.error().hint.find("check that systemd and its D-Bus run"), std::string::npos);
    EXPECT_FALSE(found());
    systemd.start_bus();
    const auto process = launch();
    EXPECT_TRUE(process) << process.error().message;
}

TEST_F(SystemdLauncherTest, EndsAWorkerWithoutTheBus) {
    const auto process = launch();
    ASSERT_TRUE(process);
    systemd.stop_bus();
    ASSERT_TRUE(run_until([&] { return !launcher->connected(); }));
    launcher->kill(order, &*process);
    EXPECT_TRUE(run_until([&] { return process->ended(); }));
}

TEST_F(SystemdLauncherTest, SaysThatThereIsNoBus) {
    const auto bus = Bus::open(*loop, "unix:path=/nonexistent/bus");
    ASSERT_FALSE(bus);
    EXPECT_NE(bus.error().hint.find("launcher"), std::string::npos);
}

}  // namespace
}  // namespace hvis::manager
