#include "manager/supervisor/supervisor.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "manager/definition/worker_config.h"
#include "manager/supervisor/fake_workers.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using control::Json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A supervisor over a store of its own, with workers that outlive it.
class SupervisorTest : public testing::Test {
protected:
    SupervisorTest() {
        set_log_level(LogLevel::kError);
        std::string name = testing::TempDir() + "hvis-super-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        directory = name;
        config.worker = "hvis-vm";
        config.runtime_directory = directory;
        config.state_directory = directory + "/state";
        config.timings.greet = 5s;
        config.timings.reconnect = 5ms;
        config.timings.service_note = 100ms;
        config.timings.retry_store = 20ms;
        config.timings.reply_slack = 500ms;
        open();
    }
    ~SupervisorTest() override {
        close();
        std::filesystem::remove_all(directory);
    }

    void open() {
        auto opened = Store::open(directory + "/hvis.db");
        ASSERT_TRUE(opened) << opened.error().message;
        store = *std::move(opened);
        log = std::make_unique<EventLog>(*loop, *store, EventLog::Retention());
        auto made = Supervisor::create(config, *loop, *store, *log, workers.launcher());
        ASSERT_TRUE(made) << made.error().message;
        supervisor = *std::move(made);
        supervisor->begin();
    }
    /// As if hvisd was killed: nothing is said to anybody.
    void close() {
        supervisor.reset();
        log.reset();
        store.reset();
    }
    void reopen() {
        close();
        open();
    }

    VmDefinition definition(const std::string& name, const Json& more = Json::object()) {
        Json value = {{"name", name}, {"memory", "64M"}, {"kernel", "/boot/vmlinuz"}};
        value["restart"] = {{"first_delay_ms", 10}, {"longest_delay_ms", 20}, {"attempts", 2}};
        value.merge_patch(more);
        return *parse_definition(value);
    }
    Guid define(const std::string& name, const Json& more = Json::object()) {
        const VmDefinition wanted = definition(name, more);
        const auto defined = supervisor->define(wanted);
        EXPECT_TRUE(defined) << defined.error().message;
        return wanted.id;
    }

    template <class Condition>
    bool run_until(Condition condition, Duration limit = 20s) {
        const TimePoint end = loop::Loop::now() + limit;
        while (!condition() && loop::Loop::now() < end) {
            loop->run_once(20ms);
        }
        return condition();
    }
    std::string state(const Guid& vm) { return supervisor->summary(vm)->state; }
    void run_until_state(const Guid& vm, const std::string& wanted) {
        ASSERT_TRUE(run_until([&] { return state(vm) == wanted; }))
            << state(vm) << ": " << supervisor->summary(vm)->explanation;
    }
    /// The outcome of something that calls back with a Result<void>.
    Result<void, Failure> outcome(const std::function<void(Supervisor::Done)>& work) {
        auto answer = std::make_shared<std::optional<Result<void, Failure>>>();
        work([answer](Result<void, Failure> result) { *answer = std::move(result); });
        EXPECT_TRUE(run_until([&] { return answer->has_value(); }));
        return answer->has_value() ? **answer : Result<void, Failure>();
    }
    Result<void, Failure> start(const Guid& vm) {
        return outcome([&](auto done) { supervisor->start(vm, done); });
    }
    Result<void, Failure> power_off(const Guid& vm) {
        return outcome([&](auto done) { supervisor->power_off(vm, done); });
    }
    Result<void, Failure> shut_down(const Guid& vm, control::Milliseconds timeout = 5s) {
        return outcome([&](auto done) {
            supervisor->shut_down(vm, control::ShutdownCommand{.message = {}, .timeout = timeout},
                                  done);
        });
    }
    Result<std::shared_ptr<const Json>, Failure> ask(const Guid& vm,
                                                     const control::Command& command) {
        std::optional<Result<std::shared_ptr<const Json>, Failure>> answer;
        supervisor->request(vm, control::encode_command(command),
                            [&](auto reply) { answer = std::move(reply); });
        EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
        return *std::move(answer);
    }
    std::vector<StoredEvent> stored() {
        EXPECT_TRUE(log->flush());
        EventFilter all;
        all.limit = EventFilter::kMaxLimit;
        return *log->query(all);
    }
    std::vector<std::string> names() {
        std::vector<std::string> all;
        for (const StoredEvent& event : stored()) {
            all.push_back(event.name);
        }
        return all;
    }
    long count(const std::string& name) {
        const auto all = names();
        return std::ranges::count(all, name);
    }
    bool wanted(const Guid& vm) {
        const auto records = store->load_vms();
        EXPECT_TRUE(records);
        for (const VmRecord& record : *records) {
            if (record.definition.id == vm) {
                return record.wanted_running;
            }
        }
        return false;
    }

    std::string directory;
    SupervisorConfig config;
    std::unique_ptr<loop::Loop> loop = *loop::Loop::create();
    FakeWorkers workers{*loop};
    std::unique_ptr<Store> store;
    std::unique_ptr<EventLog> log;
    std::unique_ptr<Supervisor> supervisor;
};

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
    EXPECT_EQ(supervisor->remove(web).error().code, control::ErrorCode::kUnavailable);
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

TEST_F(SupervisorTest, SaysThatEventsWereLost) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    close();
    workers.of(web).record(5000);
    open();
    ASSERT_TRUE(run_until([&] { return log->last() > control::EventLog::kCapacity; }));
    EXPECT_EQ(count("worker_events_lost"), 1);
    EXPECT_EQ(count("vm_paused"), static_cast<long>(control::EventLog::kCapacity));
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

TEST_F(SupervisorTest, PowerOffEndsTheWaitForARestart) {
    const Guid web =
        define("web", {{"restart", {{"first_delay_ms", 60000}, {"longest_delay_ms", 60000}}}});
    ASSERT_TRUE(start(web));
    workers.of(web).die();
    ASSERT_TRUE(run_until([&] { return count("restart_scheduled") == 1; }));
    ASSERT_TRUE(power_off(web));
    EXPECT_FALSE(wanted(web));
    EXPECT_EQ(workers.launched.size(), 1U);
}

TEST_F(SupervisorTest, HoldsPairsAndPutsThemBack) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "web"}));
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "rack", .value = "7"}));
    EXPECT_EQ(store->load_pairs(web)->size(), 2U);
    workers.of(web).external.clear();
    workers.of(web).set_kvp(true);
    ASSERT_TRUE(run_until([&] { return workers.of(web).external.size() == 2; }));
    EXPECT_EQ(workers.of(web).external["role"], "web");
    workers.of(web).external.erase("rack");
    ASSERT_TRUE(ask(web, control::KvpDeleteCommand{.key = "rack"}));
    EXPECT_EQ(ask(web, control::KvpDeleteCommand{.key = "rack"}).error().code,
              control::ErrorCode::kNotFound);
    EXPECT_EQ(store->load_pairs(web)->size(), 1U);
    ASSERT_TRUE(power_off(web));
    reopen();
    ASSERT_TRUE(start(web));
    std::ifstream file(directory + "/vms/" + web.to_string() + "/config.json");
    EXPECT_EQ(Json::parse(file).at("kvp").at("external"), (Json{{"role", "web"}}));
}

TEST_F(SupervisorTest, HoldsPairsOfAVmThatDoesNotRun) {
    const Guid web = define("web");
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "x"}));
    EXPECT_EQ(ask(web, control::KvpSetCommand{.key = "role", .value = "y", .only_add = true})
                  .error()
                  .outcome,
              "refused");
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "web"}));
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "rack", .value = "7"}));
    ASSERT_TRUE(ask(web, control::KvpDeleteCommand{.key = "rack"}));
    EXPECT_EQ(ask(web, control::KvpDeleteCommand{.key = "rack"}).error().code,
              control::ErrorCode::kNotFound);
    EXPECT_EQ(store->load_pairs(web)->size(), 1U);
    ASSERT_TRUE(start(web));
    std::ifstream file(directory + "/vms/" + web.to_string() + "/config.json");
    EXPECT_EQ(Json::parse(file).at("kvp").at("external"), (Json{{"role", "web"}}));
}

TEST_F(SupervisorTest, HoldsOnlyAsManyPairsAsAWorkerTakes) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    for (size_t number = 0; number < kMaxHeldPairs; ++number) {
        ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = std::to_string(number), .value = ""}));
    }
    EXPECT_THAT(ask(web, control::KvpSetCommand{.key = "more", .value = ""}).error().message,
                HasSubstr("112 pairs"));
    EXPECT_TRUE(ask(web, control::KvpSetCommand{.key = "7", .value = "changed"}));
}

TEST_F(SupervisorTest, TicksServicesAtOnceAndForGood) {
    const Guid web = define("web", {{"services", {{"kvp", false}}}});
    std::optional<Result<std::string, Failure>> note;
    const auto tick = [&](control::Service service, bool enabled) {
        note.reset();
        supervisor->set_service(web, service, enabled, [&](auto said) { note = std::move(said); });
        EXPECT_TRUE(run_until([&] { return note.has_value(); }));
        return note->value_or("failed");
    };
    EXPECT_THAT(tick(control::Service::kTimesync, false), HasSubstr("next start"));
    ASSERT_TRUE(start(web));
    // This worker did not read its configuration: what it offers is made to agree.
    ASSERT_TRUE(run_until([&] { return workers.of(web).disabled.size() == 2; }));
    EXPECT_EQ(tick(control::Service::kTimesync, true), "");
    EXPECT_EQ(tick(control::Service::kKvp, true), "no daemon");
    EXPECT_THAT(workers.of(web).disabled, IsEmpty());
    EXPECT_EQ(tick(control::Service::kShutdown, false), "");
    ASSERT_TRUE(run_until([&] { return workers.of(web).disabled.size() == 1; }));
    ASSERT_TRUE(ask(web, control::ServiceSwitchCommand{.service = control::Service::kShutdown,
                                                       .enable = true}));
    EXPECT_EQ((*store->load_vms())[0].definition.services, (std::array{true, true, true, true}));
    // Changed while no manager was there.
    close();
    workers.of(web).disabled.insert(control::Service::kKvp);
    open();
    ASSERT_TRUE(run_until([&] { return workers.of(web).disabled.empty(); }));
}

TEST_F(SupervisorTest, KeepsTheHeartbeatPolicy) {
    const Guid web = define("web", {{"heartbeat", {{"interval_ms", 500}}}});
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(run_until([&] { return workers.of(web).heartbeat.interval == 500ms; }));
    control::HeartbeatSetCommand command;
    command.change.misses = 5;
    ASSERT_TRUE(ask(web, command));
    EXPECT_EQ(supervisor->summary(web)->definition.heartbeat.window, 5U);
    EXPECT_EQ((*store->load_vms())[0].definition.heartbeat.misses, 5U);
    EXPECT_EQ(workers.of(web).heartbeat.misses, 5U);
}

TEST_F(SupervisorTest, ListsWhatWaitsForTheNextStart) {
    const Guid web = define("web");
    define("db");
    VmDefinition wanted = supervisor->summary(web)->definition;
    wanted.memory *= 2;
    EXPECT_THAT(*supervisor->redefine(wanted), IsEmpty());
    ASSERT_TRUE(start(web));
    EXPECT_THAT(*supervisor->redefine(wanted), IsEmpty());
    wanted.memory *= 2;
    wanted.name = "front";
    wanted.description = "new";
    wanted.heartbeat.attempts = 9;
    EXPECT_THAT(*supervisor->redefine(wanted), ElementsAre("memory", "name"));
    EXPECT_EQ(supervisor->find("front"), web);
    EXPECT_EQ(supervisor->find("web"), std::nullopt);
    EXPECT_EQ(count("vm_changed"), 2);
    ASSERT_TRUE(run_until([&] { return workers.of(web).heartbeat.attempts == 9; }));
    wanted.name = "db";
    EXPECT_EQ(supervisor->redefine(wanted).error().pointer, "/name");
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

TEST_F(SupervisorTest, StopsAllInTheReverseOrderAndCutsThePowerOfTheSlow) {
    const Guid slow = define("slow", {{"autostart", {{"order", 1}, {"stop_timeout_ms", 50}}}});
    const Guid first = define("first", {{"autostart", {{"order", 9}}}});
    define("idle");
    ASSERT_TRUE(start(slow));
    ASSERT_TRUE(start(first));
    workers.of(slow).ignore_shutdown = true;
    bool done = false;
    supervisor->stop_all([&] { done = true; });
    ASSERT_TRUE(run_until([&] { return done; }));
    EXPECT_EQ(workers.of(slow).shutdown_timeout, 50ms) << "the guest's own stop_timeout_ms counts";
    EXPECT_EQ(state(slow), "stopped");
    EXPECT_EQ(state(first), "stopped");
    const auto all = names();
    EXPECT_LT(std::ranges::find(all, "worker_ended"), std::ranges::find(all, "guest_too_slow"));
    EXPECT_EQ(count("guest_too_slow"), 1);
    EXPECT_EQ(count("host_shutdown"), 1);
    EXPECT_EQ(start(slow).error().code, control::ErrorCode::kUnavailable);
}

TEST_F(SupervisorTest, StartsWithTheHostInOrder) {
    define("late", {{"autostart", {{"enabled", true}, {"order", 7}}}});
    define("early", {{"autostart", {{"enabled", true}, {"order", 2}}}});
    define("never");
    reopen();
    run_until([] { return false; }, 50ms);
    EXPECT_THAT(workers.launched, IsEmpty()) << "hvisd's own restart is no start of the host";
    ASSERT_TRUE(store->save_setting("boot", "another"));
    reopen();
    ASSERT_TRUE(run_until([&] { return workers.launched.size() == 2; }));
    EXPECT_THAT(workers.launched, ElementsAre("early", "late"));
    EXPECT_EQ(state(*supervisor->find("never")), "stopped");
}

TEST_F(SupervisorTest, SaysWhatCouldNotBeStartedWithTheHost) {
    define("web", {{"autostart", {{"enabled", true}}}, {"restart", {{"when", "never"}}}});
    ASSERT_TRUE(store->save_setting("boot", "another"));
    workers.refuse_to_launch = true;
    reopen();
    ASSERT_TRUE(run_until([&] { return count("autostart_failed") == 1; }));
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
