#include "manager/supervisor/child_launcher.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

/// A script in place of hvis-vm.
class ChildLauncherTest : public testing::Test {
protected:
    ChildLauncherTest() {
        std::string name = testing::TempDir() + "hvis-child-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        directory = name;
        order.vm_name = "web";
        order.program = directory + "/worker";
        order.files = VmFiles::of({}, directory + "/run", directory + "/state");
        EXPECT_TRUE(prepare(order.files));
        program("exec sleep 1000");
    }
    ~ChildLauncherTest() override { std::filesystem::remove_all(directory); }

    void program(const std::string& text) {
        std::ofstream(order.program) << "#!/bin/sh\n" << text << "\n";
        std::filesystem::permissions(order.program, std::filesystem::perms::owner_all);
    }
    Result<WorkerProcess, Failure> launch() {
        std::optional<Result<WorkerProcess, Failure>> outcome;
        launcher.launch(order, [&](auto process) { outcome.emplace(std::move(process)); });
        return *std::move(outcome);
    }
    bool found() {
        std::optional<bool> lives;
        launcher.find(order, [&](bool does) { lives = does; });
        return lives.value();
    }
    static void await_end(const WorkerProcess& process) {
        while (!process.ended()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    std::string log() const {
        std::ifstream file(order.files.worker_log);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    std::string directory;
    Launcher::Order order;
    ChildLauncher launcher;
};

TEST_F(ChildLauncherTest, RunsTheProgramInASessionOfItsOwnAndLogsWhatItSays) {
    program("echo config $1; echo session $(ps -o sid= -p $$) of $$ >&2; cat; exit 7");
    const auto process = launch();
    ASSERT_TRUE(process) << process.error().message;
    await_end(*process);
    EXPECT_EQ(process->exit().text(), "exit status 7");
    EXPECT_NE(log().find("config " + order.files.config), std::string::npos) << log();
    const std::string pid = std::to_string(process->pid());
    EXPECT_NE(log().find("of " + pid), std::string::npos) << log();
    EXPECT_NE(log().find(" " + pid + " of"), std::string::npos) << log();
}

TEST_F(ChildLauncherTest, LeavesNoZombieAndTellsTheSignal) {
    const auto process = launch();
    ASSERT_TRUE(process);
    launcher.kill(order, &*process);
    await_end(*process);
    EXPECT_EQ(process->exit().text(), "killed by signal 9 (Killed)");
    EXPECT_EQ(::kill(process->pid(), 0), -1);
    EXPECT_EQ(process->exit().text(), "");
}

TEST_F(ChildLauncherTest, NeverRunsTwoForOneVm) {
    EXPECT_FALSE(found());
    const auto first = launch();
    ASSERT_TRUE(first);
    EXPECT_TRUE(found());
    const auto second = launch();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, control::ErrorCode::kUnavailable);
    EXPECT_EQ(second.error().hint, "cut its power: hvis stop web --power-off");
    launcher.kill(order, &*first);
    await_end(*first);
    (void)first->exit();
    EXPECT_FALSE(found());
}

TEST_F(ChildLauncherTest, HandsOverNothingButTheLock) {
    program("ls /proc/self/fd; echo socket=$NOTIFY_SOCKET");
    ::setenv("NOTIFY_SOCKET", "/run/secret", 1);
    const UniqueFd ours(::dup(2));  // without close-on-exec
    const auto process = launch();
    ::unsetenv("NOTIFY_SOCKET");
    ASSERT_TRUE(process);
    await_end(*process);
    (void)process->exit();
    // 4 is the directory that ls itself reads.
    EXPECT_EQ(log(), "0\n1\n2\n3\n4\nsocket=\n");
}

TEST_F(ChildLauncherTest, SaysWhatIsWrongWithTheProgram) {
    order.program = directory + "/none";
    const auto process = launch();
    ASSERT_FALSE(process);
    EXPECT_NE(process.error().message.find("No such file"), std::string::npos);
    EXPECT_NE(process.error().message.find("workers.program"), std::string::npos);
    EXPECT_EQ(process.error().code, control::ErrorCode::kUsage);
    EXPECT_FALSE(found());
}

TEST_F(ChildLauncherTest, PutsALongLogAside) {
    std::ofstream log(order.files.worker_log, std::ios::app);
    EXPECT_FALSE(put_log_aside(order.files));
    const std::string text(kMaxWorkerLog + 1, 'x');
    log << text << std::flush;
    EXPECT_TRUE(put_log_aside(order.files));
    log << "more" << std::flush;
    EXPECT_EQ(read_whole(order.files.worker_log, 4), "more");
    EXPECT_EQ(end_of(order.files.worker_log + ".1"), text.size());
}

}  // namespace
}  // namespace hvis::manager
