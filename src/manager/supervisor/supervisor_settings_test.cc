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
    EXPECT_EQ(tick(control::Service::kShutdown, true), "");
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
