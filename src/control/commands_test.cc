#include "control/commands.h"

#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

/// One of each, with nothing left at its default.
std::vector<Command> every_command() {
    using Machine = MachineCommand::Action;
    using Shutdown = ShutdownCommand::Action;
    const auto shutdown = [](Shutdown action) {
        return ShutdownCommand{action, true, 0x80000003, "bye \xc3\xa4", Milliseconds(1)};
    };
    return {
        StatusCommand{},
        StatusSubscribeCommand{},
        StatsCommand{},
        MachineCommand{Machine::kPause},
        MachineCommand{Machine::kResume},
        MachineCommand{Machine::kReset},
        MachineCommand{Machine::kPowerOff},
        shutdown(Shutdown::kShutdown),
        shutdown(Shutdown::kRestart),
        shutdown(Shutdown::kHibernate),
        WaitCommand{Condition::kIp, Milliseconds(2)},
        ServiceListCommand{},
        ServiceSwitchCommand{Service::kKvp, true},
        ServiceSwitchCommand{Service::kShutdown, false},
        KvpListCommand{Pool::kGuest, Milliseconds(3)},
        KvpGetCommand{Pool::kParameters, "k", Milliseconds(4)},
        KvpSetCommand{Pool::kParameters, "k", "v", false, Milliseconds(5)},
        KvpSetCommand{Pool::kExternal, "k", "", true, Milliseconds(5)},
        KvpDeleteCommand{Pool::kParameters, "k", Milliseconds(6)},
        KvpWatchCommand{Pool::kAuto, true},
        IpShowCommand{Milliseconds(7)},
        IpSetCommand{.adapter = "f8615163-df3e-46c5-913f-f2d2f965ed0e",
                     .dhcp = true,
                     .addresses = {"10.0.0.2/24", "fd00::2/64"},
                     .gateways = {"10.0.0.1"},
                     .dns_servers = {"10.0.0.3"},
                     .timeout = Milliseconds(8)},
        TimeShowCommand{},
        TimeSyncCommand{Milliseconds(8)},
        HeartbeatShowCommand{},
        HeartbeatSetCommand{
            {Milliseconds(100), Milliseconds(1), 3, 5, Milliseconds(0), OnLoss::kReset, 0}},
        EventsListCommand{9, 10},
        EventsSubscribeCommand{11},
        CancelCommand{12},
    };
}

std::string complaint_about(std::string_view verb, const Json& args) {
    const auto decoded = decode_command(verb, args);
    if (decoded) {
        return "accepted";
    }
    EXPECT_EQ(decoded.error().code, ErrorCode::kUsage);
    return decoded.error().message;
}

TEST(Commands, ComeOutAsTheyWentIn) {
    for (const Command& command : every_command()) {
        const EncodedCommand encoded = encode_command(command);
        const auto decoded = decode_command(encoded.verb, *encoded.args);
        ASSERT_TRUE(decoded) << encoded.verb << ": " << decoded.error().message;
        EXPECT_EQ(*decoded, command) << encoded.verb;
    }
}

TEST(Commands, TakeTheirDefaults) {
    EXPECT_EQ(*decode_command("shutdown", Json::object()), Command(ShutdownCommand{}));
    EXPECT_EQ(*decode_command("kvp.list", Json::object()), Command(KvpListCommand{}));
    EXPECT_EQ(*decode_command("events.list", Json::object()), Command(EventsListCommand{}));
    EXPECT_EQ(*decode_command("events.subscribe", Json::object()),
              Command(EventsSubscribeCommand{}));
}

TEST(Commands, RefuseAnUnknownFieldOnEveryVerb) {
    for (const Command& command : every_command()) {
        const EncodedCommand encoded = encode_command(command);
        Json args = *encoded.args;
        args["surprise"] = 1;
        const auto decoded = decode_command(encoded.verb, args);
        ASSERT_FALSE(decoded) << encoded.verb;
        EXPECT_EQ(decoded.error().code, ErrorCode::kUsage);
        EXPECT_EQ(decoded.error().pointer, "/surprise");
    }
}

TEST(Commands, RefuseAValueOfTheWrongTypeInEveryField) {
    for (const Command& command : every_command()) {
        const EncodedCommand encoded = encode_command(command);
        for (const auto& [name, value] : encoded.args->items()) {
            Json args = *encoded.args;
            args[name] = Json::array({Json::array()});
            const auto decoded = decode_command(encoded.verb, args);
            ASSERT_FALSE(decoded) << encoded.verb << " " << name;
            EXPECT_EQ(decoded.error().pointer, "/" + name);
        }
    }
}

TEST(Commands, RefuseWhatIsOutOfBounds) {
    EXPECT_EQ(complaint_about("fly", Json::object()), "no such verb");
    EXPECT_EQ(complaint_about("wait", {{"for", "godot"}}),
              "/for: expected one of running, heartbeat, kvp, ip, stopped");
    EXPECT_EQ(complaint_about("wait", Json::object()), "/for: required, but missing");
    EXPECT_EQ(complaint_about("shutdown", {{"timeout_ms", 0}}),
              "/timeout_ms: expected integer 1..86400000");
    EXPECT_EQ(complaint_about("shutdown", {{"message", std::string(1024, 'x')}}),
              "/message: expected text of 0..1023 UTF-16 units without NUL");
    EXPECT_EQ(complaint_about("kvp.set", {{"key", std::string(255, 'k')}, {"value", ""}}),
              "/key: expected text of 1..254 UTF-16 units without NUL");
    EXPECT_EQ(complaint_about("kvp.set", {{"key", ""}, {"value", ""}}),
              "/key: expected text of 1..254 UTF-16 units without NUL");
    EXPECT_EQ(complaint_about("kvp.set", {{"key", "k"}, {"value", std::string(1023, 'v')}}),
              "/value: expected text of 0..1022 UTF-16 units without NUL");
    EXPECT_EQ(complaint_about("kvp.set", {{"key", "k"}, {"value", "v"}, {"pool", "auto"}}),
              "/pool: expected one of external, parameters: only the guest writes \"auto\"");
    const Json adapter = {{"adapter", "f8615163-df3e-46c5-913f-f2d2f965ed0e"}};
    EXPECT_EQ(complaint_about("ip.set", adapter), "/addresses: expected an address, or dhcp");
    EXPECT_EQ(complaint_about("ip.set", {{"adapter", "eth0"}, {"dhcp", true}}),
              "/adapter: expected the GUID of a network channel");
    Json crowded = adapter;
    crowded["dhcp"] = true;
    crowded["gateways"] = std::vector<std::string>(kMaxIpGateways + 1, "10.0.0.1");
    EXPECT_NE(complaint_about("ip.set", crowded), "accepted");
    crowded["gateways"] = std::vector<std::string>(kMaxIpGateways, "10.0.0.1");
    EXPECT_EQ(complaint_about("ip.set", crowded), "accepted");
    crowded["gateways"] = std::vector<std::string>(1, std::string(65, '1'));
    EXPECT_EQ(complaint_about("ip.set", crowded), "/gateways: expected a list of addresses");
    EXPECT_EQ(complaint_about("heartbeat.set", Json::object()), "nothing to set was given");
    EXPECT_EQ(complaint_about("heartbeat.set", {{"misses", 4}, {"window", 3}}),
              "/window: must not be below misses (4)");
    EXPECT_EQ(complaint_about("status", Json::array()), "expected object");
}

// What a guest on Linux cannot keep would keep its machine from starting.
TEST(Commands, CountTheBytesOfPairsToo) {
    const auto repeated = [](size_t count) {
        std::string text;
        for (size_t number = 0; number < count; ++number) {
            text += "\xe8\xaa\x9e";  // one unit, three bytes
        }
        return text;
    };
    const auto set = [](const std::string& key, const std::string& value) {
        return complaint_about("kvp.set", {{"key", key}, {"value", value}});
    };
    EXPECT_EQ(set(repeated(170), repeated(682)), "accepted");
    EXPECT_EQ(set(repeated(171), ""),
              "/key: expected at most 511 bytes of UTF-8: a guest on Linux keeps no more");
    EXPECT_EQ(set("k", repeated(683)),
              "/value: expected at most 2047 bytes of UTF-8: a guest on Linux keeps no more");
}

TEST(Commands, CountCharactersOfKeysInUtf16) {
    std::string key;
    for (int count = 0; count < 127; ++count) {
        key += "\xf0\x9f\x90\xa7";  // two units each
    }
    EXPECT_EQ(complaint_about("kvp.get", {{"key", key}}), "accepted");
    EXPECT_NE(complaint_about("kvp.get", {{"key", key + "x"}}), "accepted");
}

TEST(HeartbeatPolicyChange, KeepsTheWindowAtLeastAsWideAsTheMisses) {
    HeartbeatPolicyChange more_misses;
    more_misses.misses = 7;
    EXPECT_EQ(more_misses.applied_to({}).window, 7U);
    HeartbeatPolicyChange narrower;
    narrower.window = 1;
    EXPECT_EQ(narrower.applied_to({}).misses, 1U);
    EXPECT_EQ(HeartbeatPolicyChange{}.applied_to({}), HeartbeatPolicy{});
}

}  // namespace
}  // namespace hvis::control
