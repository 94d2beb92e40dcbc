#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "manager/supervisor/supervisor_fixture.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using control::Json;
using testing::Contains;
using testing::ElementsAre;

TEST_F(SupervisorTest, DefinesFindsListsAndDeletes) {
    const Guid web = define("web");
    const Guid db = define("db");
    EXPECT_EQ(supervisor->find("web"), web);
    EXPECT_EQ(supervisor->find(db.to_string()), db);
    EXPECT_EQ(supervisor->find("none"), std::nullopt);
    ASSERT_EQ(supervisor->list().size(), 2U);
    EXPECT_EQ(supervisor->list()[0].definition.name, "db");
    EXPECT_EQ(state(web), "stopped");
    EXPECT_EQ(supervisor->define(definition("web")).error().pointer, "/name");
    reopen();
    EXPECT_EQ(supervisor->count(), 2U);
    ASSERT_TRUE(supervisor->remove(web));
    EXPECT_EQ(supervisor->find("web"), std::nullopt);
    EXPECT_EQ(supervisor->remove(web).error().code, control::ErrorCode::kNotFound);
    reopen();
    EXPECT_EQ(supervisor->count(), 1U);
    EXPECT_THAT(names(), Contains("vm_deleted"));
}

TEST_F(SupervisorTest, StartsAndCutsThePower) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    EXPECT_EQ(state(web), "running");
    EXPECT_TRUE(wanted(web));
    EXPECT_TRUE(start(web));
    EXPECT_EQ(supervisor->remove(web).error().code, control::ErrorCode::kFailed);
    ASSERT_TRUE(power_off(web));
    EXPECT_EQ(state(web), "stopped");
    EXPECT_FALSE(wanted(web));
    EXPECT_TRUE(power_off(web));
    EXPECT_THAT(names(), ElementsAre("vm_defined", "worker_started", "vm_started", "vm_stopped",
                                     "worker_ended"));
    EXPECT_THAT(workers.launched, ElementsAre("web"));
    EXPECT_FALSE(
        std::filesystem::exists(directory + "/state/vms/" + web.to_string() + "/last-words.json"));
}

TEST_F(SupervisorTest, ShutsDownAndKeepsTheWishWhenTheGuestRefuses) {
    const Guid web = define("web");
    EXPECT_EQ(shut_down(web).error().code, control::ErrorCode::kUnavailable);
    ASSERT_TRUE(start(web));
    workers.of(web).refuse_shutdown = true;
    EXPECT_EQ(shut_down(web).error().message, "refused");
    EXPECT_TRUE(wanted(web));
    EXPECT_EQ(state(web), "running");
    workers.of(web).refuse_shutdown = false;
    ASSERT_TRUE(shut_down(web));
    EXPECT_EQ(state(web), "stopped");
    EXPECT_FALSE(wanted(web));
}

TEST_F(SupervisorTest, CancelsARequestUnderWay) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    std::optional<Result<std::shared_ptr<const Json>, Failure>> answer;
    const auto id = supervisor->request(web, control::encode_command(control::TimeSyncCommand{}),
                                        [&](auto reply) { answer = std::move(reply); });
    ASSERT_TRUE(
        run_until([&] { return std::ranges::count(workers.of(web).verbs, "time.sync") == 1; }));
    supervisor->cancel(id);
    ASSERT_TRUE(run_until([&] { return answer.has_value(); }));
    EXPECT_EQ(answer->error().outcome, "cancelled");
}

TEST_F(SupervisorTest, WaitsOverStopsAndStarts) {
    const Guid web = define("web");
    const auto wait = [&](control::Condition condition, control::Milliseconds timeout) {
        return outcome([&](auto done) { supervisor->wait(web, condition, timeout, done); });
    };
    EXPECT_TRUE(wait(control::Condition::kStopped, 1s));
    EXPECT_EQ(wait(control::Condition::kKvp, 20ms).error().code, control::ErrorCode::kTimedOut);
    std::optional<Result<void, Failure>> kvp;
    std::optional<Result<void, Failure>> stopped;
    supervisor->wait(web, control::Condition::kKvp, 20s, [&](auto result) { kvp = result; });
    ASSERT_TRUE(start(web));
    supervisor->wait(web, control::Condition::kStopped, 20s,
                     [&](auto result) { stopped = result; });
    ASSERT_TRUE(run_until([&] { return std::ranges::count(workers.of(web).verbs, "wait") == 1; }));
    EXPECT_FALSE(kvp || stopped);
    ASSERT_TRUE(power_off(web));
    ASSERT_TRUE(kvp && stopped);
    EXPECT_EQ(kvp->error().message, "the VM has stopped");
    EXPECT_TRUE(*stopped);
    const auto id =
        supervisor->wait(web, control::Condition::kIp, 20s, [&](auto result) { kvp = result; });
    kvp.reset();
    supervisor->cancel(id);
    ASSERT_TRUE(run_until([&] { return kvp.has_value(); }));
    EXPECT_EQ(kvp->error().outcome, "cancelled");
}

TEST_F(SupervisorTest, StartsNoVmThatIsJustEnding) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    for (const char* word : {"stopping", "stopped"}) {
        workers.of(web).set_state(word);
        ASSERT_TRUE(run_until([&] { return state(web) == word; }));
        const auto started = start(web);
        ASSERT_FALSE(started) << word;
        EXPECT_EQ(started.error().code, control::ErrorCode::kUnavailable);
    }
}

TEST_F(SupervisorTest, GivesTheWorkerTimeToAnswerAWaitThatWasThereBeforeIt) {
    const Guid web = define("web");
    std::optional<Result<void, Failure>> ended;
    supervisor->wait(web, control::Condition::kIp, 200ms, [&](auto result) { ended = result; });
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(run_until([&] { return ended.has_value(); }));
    EXPECT_EQ(ended->error().message, "the VM did not get there in time");
}

TEST_F(SupervisorTest, PutsTheLongLogOfAWorkerAsideWhileItRuns) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    const std::string path = directory + "/state/vms/" + web.to_string() + "/worker.log";
    std::ofstream(path) << std::string(kMaxWorkerLog + 1, 'x');
    workers.of(web).set_state("paused");
    ASSERT_TRUE(run_until([&] { return state(web) == "paused"; }));
    EXPECT_EQ(std::filesystem::file_size(path), 0U);
    EXPECT_EQ(std::filesystem::file_size(path + ".1"), kMaxWorkerLog + 1);
}

TEST_F(SupervisorTest, TellsItsWatchers) {
    const Guid web = define("web");
    int told = 0;
    uint64_t id = 0;
    id = supervisor->watch([&](const Guid& vm) {
        EXPECT_EQ(vm, web);
        if (++told == 2) {
            supervisor->unwatch(id);
        }
    });
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(power_off(web));
    EXPECT_EQ(told, 2);
}

}  // namespace
}  // namespace hvis::manager
