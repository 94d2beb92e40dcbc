#include "manager/events/exec_hook.h"

#include <csignal>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include "manager/events/test_log.h"

namespace hvis::manager {
namespace {

using testing::Contains;
using testing::HasSubstr;

StoredEvent event_of_web() {
    return {.sequence = 7,
            .time = {},
            .vm = kWeb,
            .vm_name = "web",
            .id = 3001,
            .name = "heartbeat_lost",
            .severity = control::Severity::kError,
            .service = "heartbeat",
            .text = "the guest; `rm -rf /` $(id)",
            .fields = {}};
}

class ExecHookTest : public testing::Test {
protected:
    ExecHookTest() { set_log_level(LogLevel::kError); }
    ~ExecHookTest() override { set_log_level(before_); }
    Attempt run(const std::string& script, std::chrono::milliseconds timeout = kLong) {
        ExecHookConfig config;
        config.name = "mail";
        config.command = {"/bin/sh", "-c", script};
        config.timeout = timeout;
        return run(config);
    }
    Attempt run(const ExecHookConfig& config) {
        ExecHook hook(config, *loop);
        std::optional<Attempt> result;
        hook.deliver(event_of_web(), [&](const Attempt& attempt) { result = attempt; });
        EXPECT_FALSE(result) << "never from within";
        while (!result) {
            loop->run_once(std::chrono::seconds(1));
        }
        return *result;
    }

    static constexpr std::chrono::milliseconds kLong = std::chrono::seconds(60);
    TestFolder folder;
    std::unique_ptr<loop::Loop> loop = std::move(*loop::Loop::create());

private:
    LogLevel before_ = log_level();
};

TEST_F(ExecHookTest, GivesTheEventOnStandardInputAndInVariables) {
    const Attempt attempt =
        run("cat >'" + folder.file("in") + "'; env >'" + folder.file("env") + "'");
    EXPECT_EQ(attempt.outcome, Attempt::Outcome::kTaken) << attempt.problem;
    EXPECT_EQ(read_file(folder.file("in")), control::dump_json(to_json(event_of_web())) + "\n");
    const std::string environment = read_file(folder.file("env"));
    EXPECT_THAT(environment, HasSubstr("HVIS_TEXT=the guest; `rm -rf /` $(id)\n"));
    EXPECT_THAT(environment, HasSubstr("HVIS_VM=web\n"));
    EXPECT_THAT(hook_environment(event_of_web()), Contains("HVIS_EVENT_ID=3001"));
    EXPECT_THAT(hook_environment(event_of_web()), Contains("HVIS_SEVERITY=error"));
}

TEST_F(ExecHookTest, SaysHowTheProgramEnded) {
    EXPECT_EQ(run("exit 3").outcome, Attempt::Outcome::kRefused);
    EXPECT_EQ(run("exit 3").problem, "it ended with status 3");
    EXPECT_EQ(run("exit 75").outcome, Attempt::Outcome::kFailed) << "asks for another try";
    EXPECT_EQ(run("kill -9 $$").problem, "it was ended by signal 9");
    ExecHookConfig missing;
    missing.name = "mail";
    missing.command = {"/no/such/program"};
    EXPECT_THAT(run(missing).problem, HasSubstr("/no/such/program cannot be run: No such file"));
}

TEST_F(ExecHookTest, IsWorthAnotherTryWhenItIsTheHostThatCannotRunTheProgram) {
    ExecHookConfig config;
    config.name = "mail";
    config.command = {"/bin/true"};
    ExecHook hook(config, *loop);
    std::optional<Attempt> starved;
    struct rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    hook.deliver(event_of_web(), [&](const Attempt& attempt) { starved = attempt; });
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    while (!starved) {
        loop->run_once(std::chrono::seconds(1));
    }
    EXPECT_EQ(starved->outcome, Attempt::Outcome::kFailed) << starved->problem;
    EXPECT_THAT(starved->problem, HasSubstr("/bin/true cannot be run: Too many open files"));
    config.command = {"/no/such/program"};
    EXPECT_EQ(run(config).outcome, Attempt::Outcome::kRefused) << "and would be again";
}

TEST_F(ExecHookTest, KillsAProgramThatTakesTooLongWithItsChildren) {
    const Attempt attempt = run("sleep 1000 & echo $! >'" + folder.file("child") + "'; wait",
                                std::chrono::milliseconds(500));
    EXPECT_EQ(attempt.outcome, Attempt::Outcome::kRefused);
    EXPECT_THAT(attempt.problem, HasSubstr("killed because it took longer than 500 ms"));
    const int child = std::atoi(read_file(folder.file("child")).c_str());
    ASSERT_GT(child, 0);
    const std::string stat = "/proc/" + std::to_string(child) + "/stat";
    const auto is_dead = [&] {
        const std::string state = read_file(stat);
        return state.empty() || state.contains(") Z");
    };
    for (int look = 0; look < 2000 && !is_dead(); ++look) {
        ::usleep(10'000);  // The signal is on its way.
    }
    EXPECT_TRUE(is_dead());
}

TEST_F(ExecHookTest, BearsOutputWithoutEnd) {
    EXPECT_EQ(run("head -c 10000000 /dev/zero | tr '\\0' 'x'").outcome, Attempt::Outcome::kTaken);
}

TEST_F(ExecHookTest, LeavesNoProgramBehindWhenItGoes) {
    ExecHookConfig config;
    config.name = "mail";
    config.command = {"/bin/sh", "-c", "echo $$ >'" + folder.file("pid") + "'; sleep 1000"};
    {
        ExecHook hook(config, *loop);
        hook.deliver(event_of_web(), [](const Attempt&) { ADD_FAILURE() << "abandoned"; });
        while (!read_file(folder.file("pid")).contains('\n')) {
            loop->run_once(std::chrono::milliseconds(10));
        }
    }
    EXPECT_EQ(::kill(std::atoi(read_file(folder.file("pid")).c_str()), 0), -1);
}

}  // namespace
}  // namespace hvis::manager
