#include "worker/config.h"

#include <fstream>
#include <iterator>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

using testing::ElementsAre;

constexpr std::string_view kFull = R"({
  "name": "web",
  "id": "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f",
  "memory": "512M",
  "processors": 2,
  "kernel": "/boot/vmlinuz",
  "initrd": "/boot/initrd.img",
  "append": "console=ttyS0",
  "serial": {"file": "/tmp/serial.log"},
  "control": "/run/hvis/web.sock",
  "last_words": "/var/lib/hvis/web.json",
  "services": {"timesync": false},
  "heartbeat": {"interval_ms": 500, "misses": 5, "on_loss": "reset"},
  "kvp": {"external": {"role": "web"}, "parameters": {"HostName": "lab", "PhysicalHostName": ""}},
  "vmbus": {"max_version": "4.1"},
  "on_crash": "restart",
  "on_reset": "stop",
  "acpi": {"s4": true},
  "rtc": {"offset_s": -3600}
})";

constexpr std::string_view kSerialExpected =
    R"(/serial: expected "stdout", "none", {"file": PATH}, {"socket": PATH} or )"
    R"({"socket": PATH, "log": PATH})";

/// A whole configuration with one more field.
std::string with(std::string_view field) {
    return R"({"name":"web","memory":"512M","kernel":"k",)" + std::string(field) + "}";
}

std::string complaint_about(std::string_view text) {
    const auto config = parse_config(text);
    return config ? "accepted" : config.error().to_string();
}

TEST(Config, ReadsEveryOption) {
    const auto config = parse_config(kFull);
    ASSERT_TRUE(config) << config.error().to_string();
    EXPECT_EQ(config->name, "web");
    EXPECT_EQ(config->id.to_string(), "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f");
    EXPECT_EQ(config->memory, 512U << 20U);
    EXPECT_EQ(config->processors, 2U);
    EXPECT_EQ(config->kernel, "/boot/vmlinuz");
    EXPECT_EQ(config->initrd, "/boot/initrd.img");
    EXPECT_EQ(config->append, "console=ttyS0");
    EXPECT_EQ(
        config->serial,
        (SerialConfig{.kind = SerialConfig::Kind::kFile, .path = "/tmp/serial.log", .log = {}}));
    EXPECT_EQ(config->control, "/run/hvis/web.sock");
    EXPECT_EQ(config->last_words, "/var/lib/hvis/web.json");
    EXPECT_EQ(config->services, (ServicesConfig{.timesync = {.enabled = false}}));
    EXPECT_EQ(config->heartbeat.interval, std::chrono::milliseconds(500));
    EXPECT_EQ(config->heartbeat.window, 5U);
    EXPECT_EQ(config->heartbeat.on_loss, control::OnLoss::kReset);
    EXPECT_THAT(config->kvp_external, ElementsAre(control::KvpPair{.key = "role", .value = "web"}));
    EXPECT_EQ(config->kvp_parameters.size(), 2U);
    EXPECT_EQ(config->vmbus_max_version, (VmbusVersion{.major = 4, .minor = 1}));
    EXPECT_EQ(config->on_crash, StopAction::kRestart);
    EXPECT_EQ(config->on_reset, StopAction::kStop);
    EXPECT_TRUE(config->acpi_s4);
    EXPECT_EQ(config->rtc_offset, std::chrono::hours(-1));
}

TEST(Config, HasDefaultsForAllButThreeOptions) {
    const auto config = parse_config(R"({"name":"a","memory":67108864,"kernel":"k"})");
    ASSERT_TRUE(config) << config.error().to_string();
    EXPECT_EQ(config->memory, kMinMemory);
    EXPECT_EQ(config->processors, 1U);
    EXPECT_EQ(config->serial.kind, SerialConfig::Kind::kStdout);
    EXPECT_EQ(config->services, ServicesConfig{});
    EXPECT_EQ(config->heartbeat, control::HeartbeatPolicy{});
    EXPECT_EQ(config->on_crash, StopAction::kStop);
    EXPECT_EQ(config->on_reset, StopAction::kRestart);
    EXPECT_FALSE(config->acpi_s4);
    EXPECT_TRUE(config->control.empty());
    EXPECT_NE(config->id, parse_config(R"({"name":"a","memory":67108864,"kernel":"k"})")->id);
}

TEST(Config, CapsTheVersionsOfAService) {
    const auto config = parse_config(
        with(R"("services":{"heartbeat":{"max_version":"1.0"},"shutdown":{"enabled":false,)"
             R"("max_version":"3.1"},"timesync":{"enabled":true},"kvp":{"max_version":"5.0"}})"));
    ASSERT_TRUE(config) << config.error().to_string();
    EXPECT_EQ(config->services.heartbeat, (ServiceConfig{.max_version = {{1, 0}}}));
    EXPECT_EQ(config->services.shutdown,
              (ServiceConfig{.enabled = false, .max_version = {{3, 1}}}));
    EXPECT_EQ(config->services.timesync, ServiceConfig{});
    EXPECT_EQ(config->services.kvp, (ServiceConfig{.max_version = {{5, 0}}}));
}

TEST(Config, RefusesEveryPrefix) {
    for (size_t length = 0; length < kFull.size(); ++length) {
        EXPECT_FALSE(parse_config(kFull.substr(0, length))) << length;
    }
}

TEST(Config, NamesTheBadFieldAndSaysWhatIsAllowed) {
    EXPECT_EQ(complaint_about("{}"), "/name: required, but missing");
    EXPECT_EQ(complaint_about(R"({"name":"a","memory":"512M"})"), "/kernel: required, but missing");
    EXPECT_EQ(complaint_about(R"({"name":"a b"})"),
              "/name: expected 1..64 letters, digits, '.', '_' and '-'");
    EXPECT_EQ(complaint_about(with(R"("processors":0)")), "/processors: expected integer 1..64");
    EXPECT_EQ(complaint_about(with(R"("id":"42")")),
              "/id: expected a GUID such as 5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f");
    EXPECT_EQ(complaint_about(with(R"("serial":"tty")")), std::string(kSerialExpected));
    EXPECT_EQ(complaint_about(with(R"("serial":{"file":"x","log":"y"})")), kSerialExpected);
    EXPECT_EQ(complaint_about(with(R"("serial":{"log":"y"})")), kSerialExpected);
    EXPECT_EQ(complaint_about(with(R"("serial":{"file":"x","socket":"y"})")), kSerialExpected);
    const auto both = parse_config(with(R"("serial":{"socket":"x","log":"y"})"));
    ASSERT_TRUE(both);
    EXPECT_EQ(both->serial,
              (SerialConfig{.kind = SerialConfig::Kind::kSocket, .path = "x", .log = "y"}));
    EXPECT_EQ(complaint_about(with(R"("serial":{"fiel":"x"})")),
              "/serial/fiel: unknown field; known are file, log, socket");
    EXPECT_EQ(complaint_about(with(R"("services":{"vss":true})")),
              "/services/vss: unknown field; known are heartbeat, kvp, shutdown, timesync");
    EXPECT_EQ(complaint_about(with(R"("services":{"kvp":1})")),
              "/services/kvp: expected true, false or an object");
    EXPECT_EQ(complaint_about(with(R"("services":{"timesync":{"max_version":"3.1"}})")),
              "/services/timesync/max_version: expected one of 1.0, 3.0, 4.0");
    EXPECT_EQ(complaint_about(with(R"("services":{"kvp":{"max_version":4}})")),
              "/services/kvp/max_version: expected one of 3.0, 4.0, 5.0");
    EXPECT_EQ(complaint_about(with(R"("services":{"heartbeat":{"version":"1.0"}})")),
              "/services/heartbeat/version: unknown field; known are enabled, max_version");
    EXPECT_EQ(complaint_about(with(R"("heartbeat":{"on_loss":"pray"})")),
              "/heartbeat/on_loss: expected one of none, reset, power_off");
    EXPECT_EQ(complaint_about(with(R"("kvp":{"external":{"k":1}})")),
              "/kvp/external/k: expected text");
    EXPECT_EQ(complaint_about(with(R"("kvp":{"external":{"":"v"}})")),
              "/kvp/external/: the key: expected text of 1..254 UTF-16 units without NUL");
    EXPECT_EQ(complaint_about(with(R"("vmbus":{"max_version":"6.0"})")),
              "/vmbus/max_version: expected one of 2.4, 3.0, 4.0, 4.1, 5.0, 5.1, 5.2, 5.3");
    EXPECT_EQ(complaint_about(with(R"("on_crash":"dump")")),
              "/on_crash: expected one of restart, stop");
    EXPECT_EQ(complaint_about(with(R"("control":"")")),
              "/control: expected a path, not an empty text");
    EXPECT_EQ(complaint_about(with(R"("control":")" + std::string(108, 'x') + "\"")),
              "/control: longer than 107 bytes");
    EXPECT_EQ(complaint_about(with(R"("append":")" + std::string(2048, 'x') + "\"")),
              "/append: longer than 2047 bytes");
    EXPECT_EQ(complaint_about(with(R"("acpi":true)")), "/acpi: expected object");
    EXPECT_EQ(complaint_about("[]"), "expected object");
    EXPECT_EQ(complaint_about("{\n  \"name\": \"a\",\n}"), "line 3, column 1: not valid JSON");
}

TEST(Config, BoundsMemory) {
    for (const std::string_view bad : {"0", "67108863", "\"63M\"", "\"1T\"", "-1", "1.5", "\"\"",
                                       "\"512\"", "\"512m\"", "\"512MB\"", "true", "67108865"}) {
        EXPECT_EQ(complaint_about(R"({"name":"a","kernel":"k","memory":)" + std::string(bad) + "}"),
                  "/memory: expected 64M..512G in whole MiB, as \"512M\" or in bytes")
            << bad;
    }
}

TEST(Config, ReadsSizes) {
    EXPECT_EQ(parse_size("1048576"), 1U << 20U);
    EXPECT_EQ(parse_size("1K"), 1024U);
    EXPECT_EQ(parse_size("2G"), uint64_t{2} << 30U);
    EXPECT_EQ(parse_size("16777215T"), uint64_t{16777215} << 40U);
    EXPECT_EQ(parse_size("16777216T"), std::nullopt);
    EXPECT_EQ(parse_size("M"), std::nullopt);
    EXPECT_EQ(parse_size(" 1M"), std::nullopt);
}

TEST(Config, NeedsNoKernelForALoopbackMachine) {
    const auto config = parse_config(
        R"({"name":"web","memory":"1M","partition":"loopback",
            "loopback":{"socket":"/run/guests.sock","fault":"hung-heartbeat"}})");
    ASSERT_TRUE(config) << config.error().to_string();
    EXPECT_EQ(config->partition, PartitionKind::kLoopback);
    EXPECT_EQ(config->loopback, (LoopbackConfig{.socket = "/run/guests.sock",
                                                .fault = loopback::GuestFault::kHungHeartbeat}));
    EXPECT_EQ(parse_config(with(R"("partition":"kvm")"))->partition, PartitionKind::kKvm);
    EXPECT_EQ(complaint_about(R"({"name":"web","memory":"2G","partition":"loopback"})"),
              "/memory: expected 1M..1G in whole MiB with partition \"loopback\", as \"64M\" or "
              "in bytes");
    EXPECT_EQ(complaint_about(with(R"("partition":"xen")")),
              "/partition: expected one of kvm, loopback");
    EXPECT_EQ(complaint_about(with(R"("loopback":{"fault":"tired"})")),
              "/loopback/fault: expected one of none, hung-heartbeat, dies, crashes, vandal, "
              "wrong-clock");
}

TEST(Config, BoundsTheNumberOfPairs) {
    std::string pairs;
    for (size_t number = 0; number <= kMaxConfiguredPairs; ++number) {
        pairs += (number == 0 ? "\"" : ",\"") + std::to_string(number) + "\":\"\"";
    }
    EXPECT_EQ(complaint_about(with(R"("kvp":{"parameters":{)" + pairs + "}}")),
              "/kvp/parameters: expected at most 112 pairs");
}

/// The names after "known are " in the complaint about an unknown field.
std::vector<std::string> known_fields(std::string_view text) {
    const auto config = parse_config(text);
    EXPECT_FALSE(config);
    const std::string& message = config.error().message;
    std::istringstream words(message.substr(message.find("known are ") + 10));
    std::vector<std::string> names;
    for (std::string name; words >> name;) {
        names.push_back(name.substr(0, name.find(',')));
    }
    return names;
}

TEST(Config, HasEveryOptionOnTheManualPage) {
    std::ifstream file(HVIS_MANUAL);
    const std::string manual{std::istreambuf_iterator<char>(file), {}};
    for (const std::string& text :
         {with(R"("zz":1)"), with(R"("services":{"zz":1})"), with(R"("services":{"kvp":{"zz":1}})"),
          with(R"("heartbeat":{"zz":1})"), with(R"("kvp":{"zz":1})"),
          with(R"("loopback":{"zz":1})"), with(R"("vmbus":{"zz":1})"), with(R"("acpi":{"zz":1})"),
          with(R"("rtc":{"zz":1})")}) {
        const auto names = known_fields(text);
        EXPECT_FALSE(names.empty());
        for (const std::string& name : names) {
            EXPECT_THAT(manual, testing::HasSubstr("*" + name + "*"));
        }
    }
}

}  // namespace
}  // namespace hvis::worker
