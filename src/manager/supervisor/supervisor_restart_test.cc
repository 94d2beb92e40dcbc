// Workers that end, or outlive the manager.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "manager/supervisor/supervisor_fixture.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST_F(SupervisorTest, AdoptsWhatRunsAndLosesAndDoublesNoEvent) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    for (int life = 0; life < 5; ++life) {
        workers.of(web).record(3);
        loop->run_once(1ms);
        close();
        workers.of(web).record(300);
        open();
        run_until_state(web, "running");
        EXPECT_TRUE(log->flush());
        EXPECT_EQ(workers.launched.size(), 1U);
    }
    ASSERT_TRUE(run_until([&] { return count("vm_paused") == 5 * 303; }));
    EXPECT_EQ(count("worker_adopted"), 5);
    EXPECT_EQ(count("vm_started"), 1);
}

TEST_F(SupervisorTest, TakesNoVmForStoppedBeforeItIsKnownWhetherItRuns) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    close();
    workers.hold_answers = true;
    open();
    EXPECT_EQ(state(web), "starting");
    EXPECT_FALSE(supervisor->remove(web));
    std::optional<Result<void, Failure>> started;
    supervisor->start(web, [&](auto result) { started = std::move(result); });
    EXPECT_EQ(workers.held_answers.size(), 1U);
    std::exchange(workers.held_answers, {}).front()();
    ASSERT_TRUE(run_until([&] { return started.has_value(); }));
    EXPECT_TRUE(*started);
    EXPECT_EQ(workers.launched.size(), 1U) << "it ran already";
    EXPECT_EQ(count("worker_adopted"), 1);
}

TEST_F(SupervisorTest, TakesAnAnswerForOldThatComesAfterTheStart) {
    workers.hold_answers = true;
    const Guid web = define("web");
    EXPECT_EQ(state(web), "stopped");
    ASSERT_TRUE(start(web));
    std::exchange(workers.held_answers, {}).front()();
    EXPECT_EQ(state(web), "running");
    EXPECT_EQ(workers.launched.size(), 1U);
    EXPECT_EQ(count("worker_started"), 1);
}

TEST_F(SupervisorTest, DoesWhatWasAskedOfAVmThatTurnsOutNotToRun) {
    const Guid web = define("web");
    const Guid db = define("db");
    const Guid undecided = define("undecided");
    for (const Guid& vm : {web, db, undecided}) {
        ASSERT_TRUE(start(vm));
        ASSERT_TRUE(power_off(vm));
    }
    close();
    workers.hold_answers = true;
    open();
    std::optional<Result<void, Failure>> started;
    std::optional<Result<void, Failure>> stopped;
    supervisor->start(web, [&](auto result) { started = std::move(result); });
    supervisor->power_off(db, [&](auto result) { stopped = std::move(result); });
    EXPECT_FALSE(stopped) << "nobody knows yet";
    std::optional<Result<void, Failure>> overtaken;
    supervisor->start(undecided, [&](auto result) { overtaken = std::move(result); });
    supervisor->power_off(undecided, [](const auto&) {});
    for (const auto& answer : std::exchange(workers.held_answers, {})) {
        answer();
    }
    ASSERT_TRUE(run_until([&] { return started && stopped; }));
    EXPECT_TRUE(*started);
    EXPECT_TRUE(*stopped);
    EXPECT_EQ(workers.launched.size(), 4U);
    EXPECT_EQ(state(db), "stopped");
    ASSERT_TRUE(overtaken);
    EXPECT_FALSE(*overtaken) << "stopped after it";
    EXPECT_EQ(state(undecided), "stopped");
    EXPECT_TRUE(supervisor->remove(db));
}

TEST_F(SupervisorTest, TakesTheLastWordsOfAWorkerThatEndedWithoutIt) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    close();
    workers.of(web).record(7);
    workers.of(web).end("stopped", "guest switched off");
    open();
    ASSERT_TRUE(run_until([&] { return count("worker_ended") == 1; }));
    EXPECT_EQ(state(web), "stopped");
    EXPECT_EQ(count("vm_paused"), 7);
    EXPECT_EQ(count("vm_stopped"), 1);
    EXPECT_FALSE(wanted(web));
    reopen();
    run_until([] { return false; }, 50ms);
    EXPECT_EQ(count("worker_ended"), 1);
    EXPECT_EQ(count("vm_paused"), 7);
}

TEST_F(SupervisorTest, SaysOnceThatEventsWereLost) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    EXPECT_TRUE(log->flush());
    close();
    workers.of(web).record(5000);
    open();
    const auto kept = static_cast<long>(control::EventLog::kCapacity);
    ASSERT_TRUE(run_until(
        [&] { return log->last() > control::EventLog::kCapacity && count("vm_paused") == kept; }));
    EXPECT_EQ(count("events_not_taken") + count("worker_events_lost"), 1);
    const auto all = stored();
    const auto gap = std::ranges::find(all, "events_not_taken", &StoredEvent::name);
    ASSERT_NE(gap, all.end());
    EXPECT_EQ(gap->fields,
              (control::EventFields{{"count", std::to_string(5000 - control::EventLog::kCapacity)},
                                    {"first", "2"}}));
    EXPECT_EQ(std::next(gap)->name, "vm_paused") << "where they are missing";
    reopen();
    run_until_state(web, "running");
    EXPECT_EQ(count("events_not_taken"), 1);
}

TEST_F(SupervisorTest, SaysOnceThatEventsAreMissingFromTheLastWords) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    EXPECT_TRUE(log->flush());
    close();
    workers.of(web).record(5000);
    workers.of(web).end("stopped", "guest switched off");
    open();
    ASSERT_TRUE(run_until([&] { return count("worker_ended") == 1; }));
    EXPECT_EQ(count("vm_stopped"), 1);
    EXPECT_EQ(count("events_not_taken") + count("worker_events_lost"), 1);
}

TEST_F(SupervisorTest, SaysOnceThatEventsWereLostThoughItIsKilledBetweenTwoCommits) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    EXPECT_TRUE(log->flush());
    const Guid run = *Guid::parse(workers.of(web).run);
    close();
    workers.of(web).record(5000);
    const uint64_t oldest = 5001 - control::EventLog::kCapacity + 1;
    // As it was when the event about the gap was in the last place of a batch.
    auto reopened = Store::open(directory + "/hvis.db");
    ASSERT_TRUE(reopened);
    store = *std::move(reopened);
    log = std::make_unique<EventLog>(*loop, *store, EventLog::Retention());
    control::Json event = {{"sequence", oldest}, {"name", "vm_paused"}};
    EXPECT_TRUE(log->take({web, "web"}, run, event));
    EXPECT_TRUE(log->flush());
    reopen();
    ASSERT_TRUE(run_until([&] { return log->last() > control::EventLog::kCapacity; }));
    EXPECT_EQ(count("events_not_taken"), 1);
}

TEST_F(SupervisorTest, RestartsAWorkerThatDiedAndGivesUpInTheEnd) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    workers.of(web).die();
    ASSERT_TRUE(run_until([&] { return workers.launched.size() == 2; }));
    run_until_state(web, "running");
    EXPECT_EQ(count("worker_failed"), 1);
    EXPECT_EQ(count("restart_scheduled"), 1);
    workers.die_at_once = true;
    workers.of(web).die();
    run_until_state(web, "failed");
    EXPECT_EQ(workers.launched.size(), 3U);
    EXPECT_EQ(count("restart_given_up"), 1);
    EXPECT_THAT(supervisor->summary(web)->explanation, HasSubstr("after 2 attempts"));
    EXPECT_FALSE(wanted(web));
    reopen();
    run_until([] { return false; }, 50ms);
    EXPECT_EQ(state(web), "failed");
    EXPECT_EQ(workers.launched.size(), 3U);
    workers.die_at_once = false;
    ASSERT_TRUE(start(web));
    EXPECT_EQ(state(web), "running");
}

TEST_F(SupervisorTest, ARestartThatIsDueSurvivesTheManager) {
    const Guid web =
        define("web", {{"restart", {{"first_delay_ms", 100}, {"longest_delay_ms", 100}}}});
    ASSERT_TRUE(start(web));
    workers.of(web).die();
    ASSERT_TRUE(run_until([&] { return count("restart_scheduled") == 1; }));
    EXPECT_EQ(state(web), "starting");
    EXPECT_THAT(supervisor->summary(web)->explanation, HasSubstr("attempt 1 of 2"));
    reopen();
    run_until_state(web, "running");
    EXPECT_EQ(count("worker_failed"), 1);
    EXPECT_EQ(count("restart_scheduled"), 1);
}

TEST_F(SupervisorTest, DoesNotStartAVmAgainThatIsNeverToBeFromNowOn) {
    const control::Json often = {{"first_delay_ms", 60'000}, {"longest_delay_ms", 60'000}};
    const Guid web = define("web", {{"restart", often}});
    ASSERT_TRUE(start(web));
    workers.of(web).die();
    ASSERT_TRUE(run_until([&] { return count("restart_scheduled") == 1; }));
    VmDefinition changed = supervisor->summary(web)->definition;
    changed.restart.when = RestartWhen::kNever;
    ASSERT_TRUE(supervisor->redefine(changed));
    EXPECT_EQ(state(web), "failed");
    EXPECT_FALSE(wanted(web));
}

TEST_F(SupervisorTest, JudgesAWorkerThatDiedWithoutAWordWhileItWasAway) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    EXPECT_TRUE(log->flush());
    close();
    workers.of(web).die();
    open();
    run_until_state(web, "running");
    EXPECT_EQ(workers.launched.size(), 2U);
    EXPECT_EQ(count("worker_failed"), 1);
}

TEST_F(SupervisorTest, RecordsAnEndOnceThoughItIsKilledBeforeItHasKeptItsJudgement) {
    const Guid web = define("web", {{"restart", {{"when", "never"}}}});
    for (const bool with_words : {false, true}) {
        ASSERT_TRUE(start(web));
        EXPECT_TRUE(log->flush());
        if (with_words) {
            workers.of(web).end("failed", "so it was");
        } else {
            workers.of(web).die();
        }
        const std::string file = directory + "/state/vms/" + web.to_string() + "/last-words.json";
        const std::string kept = file + ".kept";
        if (with_words) {
            std::filesystem::copy_file(file, kept);
        }
        run_until_state(web, "failed");
        const long before = count("worker_failed");
        // As it was after the commit of the event.
        ASSERT_TRUE(store->save_wish(web, true, 0));
        ASSERT_TRUE(store->save_setting("end." + web.to_string(), ""));
        if (with_words) {
            std::filesystem::rename(kept, file);
        }
        reopen();
        run_until_state(web, "failed");
        EXPECT_EQ(count("worker_failed"), before) << with_words;
    }
    EXPECT_EQ(count("worker_failed"), 2);
}

TEST_F(SupervisorTest, LeavesACrashedGuestForWhoeverLooks) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    workers.of(web).end("crashed", "panic");
    run_until_state(web, "crashed");
    EXPECT_EQ(supervisor->summary(web)->explanation, "panic");
    reopen();
    EXPECT_EQ(state(web), "crashed");
}

TEST_F(SupervisorTest, SaysWhyAVmDidNotStart) {
    const Guid web = define("web", {{"restart", {{"when", "never"}}}});
    workers.refuse_to_launch = true;
    EXPECT_THAT(start(web).error().message, HasSubstr("no such program"));
    EXPECT_EQ(state(web), "failed");
    workers.refuse_to_launch = false;
    workers.die_at_once = true;
    EXPECT_THAT(start(web).error().message, HasSubstr("killed by signal 9"));
}

TEST_F(SupervisorTest, TriesAProgramThatIsNotThereOnlyOnce) {
    const Guid web = define("web", {{"restart", {{"when", "always"}}}});
    workers.refuse_to_launch = true;
    workers.launch_failure = control::ErrorCode::kUsage;
    EXPECT_THAT(start(web).error().message, HasSubstr("no such program; install it"));
    EXPECT_EQ(state(web), "failed");
    EXPECT_EQ(count("restart_scheduled"), 0);
    EXPECT_EQ(workers.launched.size(), 1U);
}

TEST_F(SupervisorTest, PowerOffEndsTheWaitForARestart) {
    const Guid web =
        define("web", {{"restart", {{"first_delay_ms", 60000}, {"longest_delay_ms", 60000}}}});
    ASSERT_TRUE(start(web));
    workers.of(web).die();
    ASSERT_TRUE(run_until([&] { return count("restart_scheduled") == 1; }));
    ASSERT_TRUE(power_off(web));
    EXPECT_FALSE(wanted(web));
    EXPECT_EQ(workers.launched.size(), 1U);
    EXPECT_THAT(supervisor->summary(web)->explanation, Not(HasSubstr("started again")));
}

TEST_F(SupervisorTest, NamesTheKernelThatIsNotThereAndSaysThatItTriesAgain) {
    const Guid web =
        define("web", {{"kernel", "/no/such/kernel"},
                       {"restart", {{"first_delay_ms", 60000}, {"longest_delay_ms", 60000}}}});
    workers.refuse_to_launch = true;
    const auto started = start(web);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message,
                HasSubstr("the kernel /no/such/kernel cannot be read: No such file"));
    EXPECT_THAT(started.error().hint,
                HasSubstr("tried again in 60000 ms, attempt 1 of 2: 'hvis stop web' ends that"));
    EXPECT_THAT(supervisor->summary(web)->explanation, HasSubstr("/no/such/kernel"));
    EXPECT_EQ(state(web), "starting");
    ASSERT_TRUE(shut_down(web));
    EXPECT_EQ(state(web), "failed") << "as it has ended, and it is left so";
    EXPECT_FALSE(wanted(web));
}

TEST_F(SupervisorTest, LeavesAVmAloneWhoseConfigurationIsRefused) {
    using Refusal = FakeWorkers::Refusal;
    const Guid web = define("web", {{"restart", {{"when", "always"}}}});
    // A line of an earlier run is no reason of this one.
    std::filesystem::create_directories(directory + "/state/vms/" + web.to_string());
    std::ofstream(directory + "/state/vms/" + web.to_string() + "/worker.log") << "hvis-vm: old\n";
    const std::string refuses = "the worker refuses its configuration: ";
    long starts = 0;
    for (const auto& [refusal, why] : std::vector<std::pair<Refusal, std::string>>{
             {Refusal::kMute, "exit status 2; look into "},
             {Refusal::kInWords, refuses + "config.json: /memory: too much"},
             {Refusal::kInLog, refuses + "hvis-vm: config.json: /memory: too much"}}) {
        workers.refusal = refusal;
        EXPECT_THAT(start(web).error().message, HasSubstr(why));
        EXPECT_EQ(state(web), "failed");
        EXPECT_THAT(supervisor->summary(web)->explanation, HasSubstr(why));
        EXPECT_EQ(stored().back().name, "worker_failed");
        EXPECT_THAT(stored().back().text, HasSubstr(why));
        EXPECT_FALSE(wanted(web));
        EXPECT_EQ(count("worker_failed"), ++starts);
    }
    reopen();
    run_until([] { return false; }, 50ms);
    EXPECT_EQ(state(web), "failed");
    EXPECT_THAT(supervisor->summary(web)->explanation, HasSubstr("/memory"));
    EXPECT_EQ(workers.launched.size(), 3U);
    EXPECT_EQ(count("restart_scheduled") + count("restart_given_up"), 0);
    workers.refusal = Refusal::kNone;
    EXPECT_TRUE(start(web));
}

TEST_F(SupervisorTest, HearsWhatAWorkerSaidThatEndedBeforeItsProcessWasFound) {
    const Guid web = define("web");
    workers.refusal = FakeWorkers::Refusal::kInWords;
    workers.lose_process = true;
    EXPECT_THAT(start(web).error().message, HasSubstr("/memory: too much"));
    EXPECT_EQ(state(web), "failed");
    EXPECT_EQ(workers.launched.size(), 1U);
}

}  // namespace
}  // namespace hvis::manager
