// What an administrator sets: kept, and made so in the worker.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "manager/definition/worker_config.h"
#include "manager/supervisor/supervisor_fixture.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using control::Json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

TEST_F(SupervisorTest, DeletesInTheGuestWhatWasDeletedWhileItDidNotRun) {
    const Guid web = define("web");
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "x"}));
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "rack", .value = "7"}));
    ASSERT_TRUE(ask(web, control::KvpDeleteCommand{.key = "role"}));
    ASSERT_TRUE(ask(web, control::KvpDeleteCommand{.key = "rack"}));
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "rack", .value = "8"}));
    reopen();
    ASSERT_TRUE(start(web));
    // As a guest that keeps its pairs over its stops.
    workers.of(web).external = {{"role", "x"}, {"rack", "7"}, {"own", "1"}};
    workers.of(web).set_kvp(true);
    const std::map<std::string, std::string> wanted = {{"rack", "8"}, {"own", "1"}};
    EXPECT_TRUE(run_until([&] { return workers.of(web).external == wanted; }));
    // It is known not to have it now: what comes later under this key is none of the host's.
    workers.of(web).external["role"] = "the guest's";
    const auto lists = [&] { return std::ranges::count(workers.of(web).verbs, "kvp.list"); };
    const auto before = lists();
    workers.of(web).set_kvp(false);
    ASSERT_TRUE(run_until([&] { return primary(web, control::Service::kKvp) == "no_contact"; }));
    workers.of(web).set_kvp(true);
    ASSERT_TRUE(run_until([&] { return lists() > before; }));
    // What follows from the list comes before the answer to the second of these.
    ASSERT_TRUE(ask(web, control::KvpListCommand{}));
    ASSERT_TRUE(ask(web, control::KvpListCommand{}));
    EXPECT_EQ(workers.of(web).external["role"], "the guest's");
}

TEST_F(SupervisorTest, HoldsPairsForAGuestThatIsShutOff) {
    using Pairs = std::map<std::string, std::string>;
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    FakeVm& vm = workers.of(web);
    vm.set_kvp(true);
    ASSERT_TRUE(run_until([&] { return primary(web, control::Service::kKvp) == "ok"; }));
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "web"}));
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "rack", .value = "7"}));
    vm.set_state("paused");
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "db"}));
    EXPECT_EQ(ask(web, control::KvpSetCommand{.key = "role", .value = "x", .only_add = true})
                  .error()
                  .outcome,
              "refused");
    ASSERT_TRUE(ask(web, control::KvpDeleteCommand{.key = "rack"}));
    const control::KvpListCommand list{.pool = control::Pool::kExternal};
    EXPECT_EQ((**ask(web, list)).at("pairs"), Json::array({{{"key", "role"}, {"value", "db"}}}));
    const control::KvpGetCommand gone{.pool = control::Pool::kExternal, .key = "rack"};
    EXPECT_EQ(ask(web, gone).error().code, control::ErrorCode::kNotFound);
    EXPECT_EQ(ask(web, control::KvpListCommand{.pool = control::Pool::kGuest}).error().message,
              "shut off");
    EXPECT_EQ(vm.external, (Pairs{{"role", "web"}, {"rack", "7"}})) << "the guest stands still";
    // At once: within the moment for which the worker holds back what has changed.
    vm.set_state("running");
    EXPECT_TRUE(run_until([&] { return vm.external == Pairs{{"role", "db"}}; }));
    supervisor->set_service(web, control::Service::kKvp, false, [](const auto&) {});
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "mail"}));
    supervisor->set_service(web, control::Service::kKvp, true, [](const auto&) {});
    EXPECT_TRUE(run_until([&] { return vm.external == Pairs{{"role", "mail"}}; }));
}

TEST_F(SupervisorTest, GivesPairsToAGuestOfAnOlderVersion) {
    const Guid web = define("web");
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "web"}));
    ASSERT_TRUE(start(web));
    workers.of(web).kvp_degraded = true;
    workers.of(web).set_kvp(true);
    EXPECT_TRUE(run_until([&] { return workers.of(web).external.contains("role"); }));
    EXPECT_EQ(primary(web, control::Service::kKvp), "degraded");
}

TEST_F(SupervisorTest, SaysWhyAGuestThatIsNotThereHasNoPairs) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    workers.of(web).unavailable_kvp = true;
    EXPECT_EQ(ask(web, control::KvpSetCommand{.key = "role", .value = "x"}).error().message,
              "no daemon");
    EXPECT_TRUE(store->load_pairs(web)->empty());
}

TEST_F(SupervisorTest, DeletesNoFactOfTheHostButWhatWasSetInItsPlace) {
    const Guid web = define("web");
    const control::KvpDeleteCommand name{.pool = control::Pool::kParameters, .key = "HostName"};
    for (const bool runs : {false, true}) {
        if (runs) {
            ASSERT_TRUE(start(web));
        }
        const auto refused = ask(web, name);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().outcome, "refused");
        EXPECT_THAT(refused.error().message, HasSubstr("HostName is a fact of the host"));
        ASSERT_TRUE(
            ask(web, control::KvpSetCommand{
                         .pool = control::Pool::kParameters, .key = "HostName", .value = "x"}));
        EXPECT_TRUE(ask(web, name));
        EXPECT_TRUE(store->load_pairs(web)->empty());
    }
    EXPECT_EQ(std::ranges::count(workers.of(web).verbs, "kvp.delete"), 1)
        << "what was set and deleted while it did not run is none of the guest's business";
}

TEST_F(SupervisorTest, RemembersOnlySoManyDeletionsForAGuestThatDoesNotRun) {
    const Guid web = define("web");
    for (size_t number = 0; number <= GonePairs::kMaxGonePairs; ++number) {
        const std::string key = std::to_string(number);
        ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = key, .value = "x"}));
        const auto gone = ask(web, control::KvpDeleteCommand{.key = key});
        ASSERT_EQ(gone.has_value(), number < GonePairs::kMaxGonePairs) << number;
        if (!gone) {
            EXPECT_THAT(gone.error().message, HasSubstr("256 deleted pairs"));
            EXPECT_THAT(gone.error().hint, HasSubstr("start the VM"));
        }
    }
}

TEST_F(SupervisorTest, SetsPairsAgainThatTheGuestDidNotTake) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    for (const char* key : {"a", "b", "c"}) {
        ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = key, .value = key}));
    }
    FakeVm& vm = workers.of(web);
    vm.external.clear();
    vm.failing_lists = 2;
    vm.bad_keys = {"a"};
    vm.set_kvp(true);
    ASSERT_TRUE(run_until([&] { return vm.external.size() == 2; })) << "one does not hold up all";
    EXPECT_FALSE(vm.external.contains("a"));
    vm.bad_keys.clear();
    EXPECT_TRUE(run_until([&] { return vm.external.size() == 3; }));
    EXPECT_EQ(count("settings_not_applied"), 1) << "said once";
}

TEST_F(SupervisorTest, StopsSettingPairsThatAGuestNeverTakes) {
    config.timings.pair_retry = 1ms;
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "a", .value = "a"}));
    FakeVm& vm = workers.of(web);
    vm.external.clear();
    vm.bad_keys = {"a"};
    vm.verbs.clear();
    vm.set_kvp(true);
    const auto sets = [&] { return std::ranges::count(vm.verbs, "kvp.set"); };
    EXPECT_TRUE(run_until([&] { return sets() == PairRestore::kMaxRounds; }));
    (void)run_until([&] { return sets() > PairRestore::kMaxRounds; }, 50ms);
    EXPECT_EQ(sets(), PairRestore::kMaxRounds);
}

TEST_F(SupervisorTest, TellsOfAServiceOnlyWhatIsFromAfterTheSwitch) {
    config.timings.service_note = 1s;  // in which the worker's status has to come
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(run_until([&] { return primary(web, control::Service::kTimesync) == "ok"; }));
    workers.of(web).come_back = false;
    std::optional<Result<std::string, Failure>> note;
    supervisor->set_service(web, control::Service::kTimesync, false, [](const auto&) {});
    supervisor->set_service(web, control::Service::kTimesync, true,
                            [&](auto said) { note = std::move(said); });
    EXPECT_FALSE(note) << "what is known is from before";
    ASSERT_TRUE(run_until([&] { return note.has_value(); }));
    EXPECT_EQ(note->value_or("failed"), "no daemon");
}

TEST_F(SupervisorTest, WaitsForAWorkerThatDoesNotConfirmASwitch) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(run_until([&] { return primary(web, control::Service::kTimesync) == "ok"; }));
    workers.of(web).mute = true;
    for (const bool enabled : {false, true}) {
        std::optional<Result<std::string, Failure>> note;
        supervisor->set_service(web, control::Service::kTimesync, enabled,
                                [&](auto said) { note = std::move(said); });
        EXPECT_FALSE(note) << "the worker has said nothing of it";
        ASSERT_TRUE(run_until([&] { return note.has_value(); }));
        EXPECT_THAT(note->value_or("failed"), HasSubstr("has not confirmed it yet"));
    }
}

TEST_F(SupervisorTest, KnowsOfASwitchBeforeItIsAnswered) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    std::optional<Result<std::string, Failure>> note;
    supervisor->set_service(web, control::Service::kTimesync, false,
                            [&](auto said) { note = std::move(said); });
    ASSERT_TRUE(run_until([&] { return note.has_value(); }));
    EXPECT_EQ(note->value_or("failed"), "");
    EXPECT_EQ(primary(web, control::Service::kTimesync), "disabled");
}

TEST_F(SupervisorTest, TellsWhoeverWaitsThatAServiceWasSwitchedAgain) {
    config.timings.service_note = 60s;
    reopen();
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    workers.of(web).mute = true;
    std::optional<Result<std::string, Failure>> note;
    supervisor->set_service(web, control::Service::kTimesync, false,
                            [&](auto said) { note = std::move(said); });
    supervisor->set_service(web, control::Service::kTimesync, true, [](const auto&) {});
    ASSERT_TRUE(note.has_value());
    EXPECT_THAT(note->value_or("failed"), HasSubstr("switched again"));
}

TEST_F(SupervisorTest, KnowsThatAVmIsPausedBeforeThatIsAnswered) {
    using enum control::MachineCommand::Action;
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    run_until_state(web, "running");
    // Faster than the worker pushes what has changed.
    for (int round = 0; round < 3; ++round) {
        ASSERT_TRUE(ask(web, control::MachineCommand{.action = kPause}));
        EXPECT_EQ(state(web), "paused");
        ASSERT_TRUE(ask(web, control::MachineCommand{.action = kResume}));
        EXPECT_EQ(state(web), "running");
    }
}

TEST_F(SupervisorTest, TakesAVmWithItsPairs) {
    const std::vector<HeldPair> pairs = {{control::Pool::kExternal, "rack", "7"},
                                         {control::Pool::kExternal, "role", "web"}};
    VmDefinition wanted = definition("web");
    ASSERT_TRUE(supervisor->define(wanted, pairs));
    EXPECT_EQ(*store->load_pairs(wanted.id), pairs);
    ASSERT_TRUE(start(wanted.id));
    std::ifstream file(directory + "/vms/" + wanted.id.to_string() + "/config.json");
    EXPECT_EQ(Json::parse(file).at("kvp").at("external"), (Json{{"rack", "7"}, {"role", "web"}}));
}

TEST_F(SupervisorTest, HoldsOnlyAsManyPairsAsAWorkerTakes) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    for (size_t number = 0; number < kMaxHeldPairs; ++number) {
        ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = std::to_string(number), .value = ""}));
    }
    const Failure refused = ask(web, control::KvpSetCommand{.key = "more", .value = ""}).error();
    EXPECT_THAT(refused.message, HasSubstr("112 pairs"));
    EXPECT_EQ(refused.outcome, "refused");
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
    EXPECT_EQ(tick(control::Service::kShutdown, true), "");
    EXPECT_EQ((*store->load_vms())[0].definition.services, (std::array{true, true, true, true}));
    // Changed while no manager was there.
    close();
    workers.of(web).disabled.insert(control::Service::kKvp);
    open();
    ASSERT_TRUE(run_until([&] { return workers.of(web).disabled.empty(); }));
}

TEST_F(SupervisorTest, GivesEventsTheNewNameOfAVmThatRuns) {
    const Guid web = define("web");
    ASSERT_TRUE(start(web));
    VmDefinition changed = supervisor->summary(web)->definition;
    changed.name = "front";
    ASSERT_TRUE(supervisor->redefine(changed));
    workers.of(web).record(1);
    ASSERT_TRUE(run_until([&] { return count("vm_paused") == 1; }));
    EXPECT_EQ(stored().back().vm_name, "front");
}

TEST_F(SupervisorTest, KeepsTheHeartbeatPolicy) {
    const Guid web = define("web", {{"heartbeat", {{"interval_ms", 500}}}});
    ASSERT_TRUE(start(web));
    ASSERT_TRUE(run_until([&] { return workers.of(web).heartbeat.interval == 500ms; }));
    VmDefinition wanted = supervisor->summary(web)->definition;
    wanted.heartbeat.misses = 5;
    wanted.heartbeat.window = 7;
    EXPECT_THAT(*supervisor->redefine(wanted), IsEmpty());
    EXPECT_EQ((*store->load_vms())[0].definition.heartbeat.misses, 5U);
    ASSERT_TRUE(run_until([&] { return workers.of(web).heartbeat.misses == 5; }));
    EXPECT_EQ(workers.of(web).heartbeat.window, 7U);
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
    wanted.service_versions[std::to_underlying(control::Service::kKvp)] = "4.0";
    EXPECT_THAT(*supervisor->redefine(wanted), ElementsAre("memory", "name", "service_versions"));
    EXPECT_EQ(supervisor->find("front"), web);
    EXPECT_EQ(supervisor->find("web"), std::nullopt);
    EXPECT_EQ(count("vm_changed"), 2);
    ASSERT_TRUE(run_until([&] { return workers.of(web).heartbeat.attempts == 9; }));
    wanted.name = "db";
    EXPECT_EQ(supervisor->redefine(wanted).error().pointer, "/name");
}

}  // namespace
}  // namespace hvis::manager
