#include "manager/definition/vm_definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::Json;
using namespace std::chrono_literals;

Json smallest() { return {{"name", "web"}, {"memory", "512M"}, {"kernel", "/boot/vmlinuz"}}; }

Json whole() {
    return {{"id", "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"},
            {"name", "web"},
            {"description", "the front"},
            {"partition", "kvm"},
            {"memory", 536870912},
            {"processors", 2},
            {"kernel", "/boot/vmlinuz"},
            {"initrd", "/boot/initrd.img"},
            {"append", "quiet"},
            {"services",
             {{"heartbeat", true}, {"shutdown", false}, {"timesync", false}, {"kvp", true}}},
            {"service_versions", {{"shutdown", "3.1"}, {"kvp", "4.0"}}},
            {"heartbeat",
             {{"interval_ms", 500},
              {"latency_ms", 400},
              {"misses", 2},
              {"window", 4},
              {"grace_ms", 1000},
              {"on_loss", "reset"},
              {"attempts", 1}}},
            {"autostart",
             {{"enabled", true}, {"order", 5}, {"delay_ms", 1000}, {"stop_timeout_ms", 30000}}},
            {"restart",
             {{"when", "always"},
              {"attempts", 3},
              {"first_delay_ms", 10},
              {"longest_delay_ms", 100},
              {"forgive_after_ms", 1000}}},
            {"on_crash", "restart"},
            {"on_reset", "stop"},
            {"vmbus", {{"max_version", "5.0"}}},
            {"acpi", {{"s4", true}}}};
}

std::string complaint(const Json& value) {
    const auto definition = parse_definition(value);
    return definition ? "accepted" : definition.error().to_string();
}

TEST(VmDefinition, ReadsTheSmallestAndMakesUpAnId) {
    const auto definition = parse_definition(smallest());
    ASSERT_TRUE(definition) << definition.error().to_string();
    EXPECT_EQ(definition->memory, 536870912U);
    EXPECT_EQ(definition->processors, 1U);
    EXPECT_THAT(definition->services, testing::Each(true));
    EXPECT_EQ(definition->heartbeat, control::HeartbeatPolicy());
    EXPECT_EQ(definition->restart, RestartPolicy());
    EXPECT_NE(definition->id, Guid());
    EXPECT_NE(definition->id, parse_definition(smallest())->id);
    EXPECT_EQ(definition->id.bytes[7] >> 4U, 4);
}

TEST(VmDefinition, WritesEveryFieldAsItWasRead) {
    const auto definition = parse_definition(whole());
    ASSERT_TRUE(definition) << definition.error().to_string();
    EXPECT_EQ(to_json(*definition), whole());
    EXPECT_EQ(definition->services, (std::array{true, false, false, true}));
    EXPECT_EQ(definition->service_versions, (std::array<std::string, 4>{"", "3.1", "", "4.0"}));
    EXPECT_EQ(definition->autostart,
              (Autostart{.enabled = true, .order = 5, .delay = 1s, .stop_timeout = 30s}));
    EXPECT_EQ(definition->restart, (RestartPolicy{.when = RestartWhen::kAlways,
                                                  .attempts = 3,
                                                  .first_delay = 10ms,
                                                  .longest_delay = 100ms,
                                                  .forgive_after = 1s}));
    EXPECT_EQ(definition->on_crash, StopAction::kRestart);
    EXPECT_EQ(definition->on_reset, StopAction::kStop);
    EXPECT_EQ(definition->vmbus_max_version, "5.0");
    EXPECT_TRUE(definition->acpi_s4);
}

TEST(VmDefinition, ALoopbackPartitionNeedsNoKernel) {
    const auto definition =
        parse_definition({{"name", "trial"}, {"memory", "64M"}, {"partition", "loopback"}});
    ASSERT_TRUE(definition) << definition.error().to_string();
    EXPECT_EQ(definition->partition, PartitionKind::kLoopback);
    EXPECT_EQ(*parse_definition(to_json(*definition)), *definition);
}

TEST(VmDefinition, ALoopbackPartitionHasBoundsOfMemoryOfItsOwn) {
    const auto with = [](const char* memory) {
        return complaint({{"name", "trial"}, {"memory", memory}, {"partition", "loopback"}});
    };
    EXPECT_EQ(with("1M"), "accepted");
    EXPECT_EQ(with("1G"), "accepted");
    EXPECT_THAT(with("1025M"), testing::StartsWith("/memory: expected 1M..1G"));
    EXPECT_THAT(with("1K"), testing::StartsWith("/memory: expected 1M..1G"));
}

TEST(VmDefinition, RefusesWhatIsNotAnObject) {
    EXPECT_EQ(complaint(Json::array()), "expected object");
    EXPECT_EQ(complaint(nullptr), "expected object");
}

struct BadValue {
    const char* pointer;
    Json value;
};

class BadValues : public testing::TestWithParam<BadValue> {};

TEST_P(BadValues, AreRefusedWithTheirPlace) {
    Json value = whole();
    value[Json::json_pointer(GetParam().pointer)] = GetParam().value;
    const auto definition = parse_definition(value);
    ASSERT_FALSE(definition);
    EXPECT_EQ(definition.error().pointer, GetParam().pointer);
    EXPECT_FALSE(definition.error().message.empty());
}

INSTANTIATE_TEST_SUITE_P(
    VmDefinition, BadValues,
    testing::Values(
        BadValue{"/id", "web"}, BadValue{"/id", 5}, BadValue{"/id", nullptr}, BadValue{"/name", ""},
        BadValue{"/name", "a b"}, BadValue{"/name", "../x"}, BadValue{"/name", "-x"},
        BadValue{"/name", ".x"}, BadValue{"/name", std::string(65, 'x')}, BadValue{"/name", 7},
        BadValue{"/name", "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"},
        BadValue{"/description", std::string(kMaxDescription + 1, 'x')},
        BadValue{"/description", 1}, BadValue{"/partition", "xen"}, BadValue{"/partition", 1},
        BadValue{"/memory", "63M"}, BadValue{"/memory", "513G"}, BadValue{"/memory", 67108865},
        BadValue{"/memory", -1}, BadValue{"/memory", "1X"}, BadValue{"/memory", "G"},
        BadValue{"/memory", "18446744073709551615G"}, BadValue{"/memory", 1.5},
        BadValue{"/processors", 0}, BadValue{"/processors", 65}, BadValue{"/processors", "2"}));

INSTANTIATE_TEST_SUITE_P(
    VmDefinitionBoot, BadValues,
    testing::Values(BadValue{"/kernel", "vmlinuz"}, BadValue{"/kernel", ""},
                    BadValue{"/kernel", "/" + std::string(4095, 'k')}, BadValue{"/initrd", "x"},
                    BadValue{"/initrd", 0}, BadValue{"/append", std::string(2048, 'a')},
                    BadValue{"/append", std::string("a\0b", 3)}, BadValue{"/on_crash", "wait"},
                    BadValue{"/on_reset", true}, BadValue{"/vmbus", "5.0"},
                    BadValue{"/vmbus/max_version", "9.0"}, BadValue{"/vmbus/min_version", "5.0"},
                    BadValue{"/acpi/s4", "yes"}, BadValue{"/acpi", true}, BadValue{"/disk", "x"}));

INSTANTIATE_TEST_SUITE_P(
    VmDefinitionPolicies, BadValues,
    testing::Values(
        BadValue{"/services/kvp", 1}, BadValue{"/services/vss", true}, BadValue{"/services", true},
        BadValue{"/service_versions/kvp", "1.0"}, BadValue{"/service_versions/heartbeat", 3},
        BadValue{"/service_versions/vss", "5.0"}, BadValue{"/service_versions", "4.0"},
        BadValue{"/heartbeat/interval_ms", 99}, BadValue{"/heartbeat/latency_ms", 0},
        BadValue{"/heartbeat/misses", 0}, BadValue{"/heartbeat/window", 1},
        BadValue{"/heartbeat/window", 101}, BadValue{"/heartbeat/grace_ms", -1},
        BadValue{"/heartbeat/on_loss", "explode"}, BadValue{"/heartbeat/attempts", 101},
        BadValue{"/autostart/enabled", "yes"}, BadValue{"/autostart/order", -1},
        BadValue{"/autostart/order", 1000001}, BadValue{"/autostart/delay_ms", 86400001},
        BadValue{"/autostart/stop_timeout_ms", 0}, BadValue{"/autostart/when", 1},
        BadValue{"/restart/when", "sometimes"}, BadValue{"/restart/attempts", 1001},
        BadValue{"/restart/first_delay_ms", -1}, BadValue{"/restart/first_delay_ms", 60001},
        BadValue{"/restart/longest_delay_ms", 86400001}, BadValue{"/restart/forgive_after_ms", 1.5},
        BadValue{"/restart/x", 1}));

TEST(VmDefinition, NamesTheFieldsThatAreMissing) {
    for (const char* name : {"name", "memory", "kernel"}) {
        Json value = smallest();
        value.erase(name);
        EXPECT_EQ(complaint(value), "/" + std::string(name) + ": required, but missing");
    }
}

class Patch : public testing::Test {
protected:
    VmDefinition definition = *parse_definition(whole());
    std::string refusal(const Json& patch) {
        const auto changed = patched(definition, patch);
        return changed ? "accepted" : changed.error().to_string();
    }
};

TEST_F(Patch, ChangesNothingWhenEmpty) {
    EXPECT_EQ(*patched(definition, Json::object()), definition);
}

TEST_F(Patch, MergesDeepAsRfc7396Says) {
    const auto changed = patched(definition, {{"services", {{"kvp", false}}}, {"memory", "1G"}});
    ASSERT_TRUE(changed) << changed.error().to_string();
    EXPECT_EQ(changed->services, (std::array{true, false, false, false}));
    EXPECT_EQ(changed->memory, uint64_t{1} << 30U);
    EXPECT_EQ(changed->kernel, definition.kernel);
}

TEST_F(Patch, NullPutsADefaultBack) {
    const auto changed = patched(definition, {{"initrd", nullptr},
                                              {"restart", {{"attempts", nullptr}}},
                                              {"heartbeat", nullptr},
                                              {"service_versions", {{"kvp", nullptr}}},
                                              {"vmbus", {{"max_version", nullptr}}}});
    ASSERT_TRUE(changed) << changed.error().to_string();
    EXPECT_TRUE(changed->initrd.empty());
    EXPECT_EQ(changed->restart.attempts, RestartPolicy().attempts);
    EXPECT_EQ(changed->restart.first_delay, 10ms);
    EXPECT_EQ(changed->heartbeat, control::HeartbeatPolicy());
    EXPECT_TRUE(changed->vmbus_max_version.empty());
    EXPECT_EQ(changed->service_versions, (std::array<std::string, 4>{"", "3.1", "", ""}));
}

TEST_F(Patch, LetsTheWindowFollowTheMissesAndBack) {
    EXPECT_EQ(patched(definition, {{"heartbeat", {{"misses", 9}}}})->heartbeat.window, 9U);
    EXPECT_EQ(patched(definition, {{"heartbeat", {{"window", 1}}}})->heartbeat.misses, 1U);
    EXPECT_EQ(refusal({{"heartbeat", {{"window", 1}, {"misses", 3}}}}),
              "/heartbeat/window: must not be below misses (3)");
}

TEST_F(Patch, KeepsWhatCannotChange) {
    EXPECT_EQ(refusal({{"id", "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e60"}}), "/id: cannot be changed");
    EXPECT_EQ(refusal({{"id", nullptr}}), "/id: cannot be changed");
    EXPECT_EQ(refusal({{"partition", "loopback"}}), "/partition: cannot be changed");
    EXPECT_EQ(refusal({{"name", nullptr}}), "/name: required, but missing");
    EXPECT_EQ(refusal({{"kernel", nullptr}}), "/kernel: required, but missing");
}

TEST_F(Patch, RefusesWhatIsNotAnObjectAndUnknownFields) {
    EXPECT_EQ(refusal(Json::array()), "expected object");
    EXPECT_EQ(refusal(5), "expected object");
    EXPECT_THAT(refusal({{"colour", "red"}}), testing::StartsWith("/colour: unknown field"));
    EXPECT_THAT(refusal({{"services", 5}}), testing::StartsWith("/services: expected object"));
}

}  // namespace
}  // namespace hvis::manager
