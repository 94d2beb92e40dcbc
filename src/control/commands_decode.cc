#include <limits>

#include <nlohmann/json.hpp>

#include "base/guid.h"
#include "control/commands.h"
#include "control/kvp_limits.h"

namespace hvis::control {
namespace {

constexpr Bounds kTimeoutBounds{.lowest = 1, .highest = kMaxTimeout.count()};
constexpr Bounds kReasonBounds{.lowest = 0, .highest = std::numeric_limits<uint32_t>::max()};
constexpr Bounds kSequenceBounds{.lowest = 0, .highest = int64_t{1} << 53U};
constexpr Bounds kIdBounds{.lowest = 1, .highest = (int64_t{1} << 53U) - 1};
/// Room for an IPv6 address with its prefix length, and for a GUID in braces.
constexpr size_t kMaxAddressBytes = 64;
constexpr Bounds kLimitBounds{.lowest = 1, .highest = kMaxEventsListed};

void read_timeout(FieldReader& reader, Milliseconds& timeout) {
    if (const auto value = reader.integer("timeout_ms", kTimeoutBounds)) {
        timeout = Milliseconds(*value);
    }
}

template <class Enum>
void read_choice(FieldReader& reader, std::string_view name,
                 std::span<const std::string_view> words, Enum& value) {
    if (const auto index = reader.choice(name, words)) {
        value = static_cast<Enum>(*index);
    }
}

template <class Empty>
Command read_nothing(FieldReader&) {
    return Empty{};
}

template <MachineCommand::Action kAction>
Command read_machine(FieldReader&) {
    return MachineCommand{kAction};
}

template <ShutdownCommand::Action kAction>
Command read_shutdown(FieldReader& reader) {
    ShutdownCommand command{.action = kAction, .message = {}};
    command.force = reader.boolean("force").value_or(false);
    command.reason = static_cast<uint32_t>(reader.integer("reason", kReasonBounds).value_or(0));
    if (reader.has("message")) {
        command.message = read_units(reader, "message", {.units = kMaxShutdownMessageUnits})
                              .value_or(std::string());
    }
    read_timeout(reader, command.timeout);
    return command;
}

Command read_wait(FieldReader& reader) {
    WaitCommand command;
    reader.require("for");
    read_choice(reader, "for", kConditionWords, command.condition);
    read_timeout(reader, command.timeout);
    return command;
}

template <bool kEnable>
Command read_service_switch(FieldReader& reader) {
    ServiceSwitchCommand command{.enable = kEnable};
    reader.require("service");
    read_choice(reader, "service", kServiceWords, command.service);
    return command;
}

Command read_kvp_list(FieldReader& reader) {
    KvpListCommand command;
    read_choice(reader, "pool", kPoolWords, command.pool);
    read_timeout(reader, command.timeout);
    return command;
}

std::string read_key(FieldReader& reader) {
    return read_units(reader, "key", kKvpKeyLimits).value_or(std::string());
}

/// The guest's own pools are its to write.
void read_writable_pool(FieldReader& reader, Pool& pool) {
    read_choice(reader, "pool", kPoolWords, pool);
    if (pool == Pool::kGuest || pool == Pool::kAuto) {
        reader.complain("pool", "expected one of external, parameters: only the guest writes \"" +
                                    std::string(to_string(pool)) + "\"");
    }
}

Command read_kvp_get(FieldReader& reader) {
    KvpGetCommand command{.key = read_key(reader)};
    read_choice(reader, "pool", kPoolWords, command.pool);
    read_timeout(reader, command.timeout);
    return command;
}

template <bool kOnlyAdd>
Command read_kvp_set(FieldReader& reader) {
    KvpSetCommand command{.key = read_key(reader), .value = {}, .only_add = kOnlyAdd};
    command.value = read_units(reader, "value", kKvpValueLimits).value_or(std::string());
    read_writable_pool(reader, command.pool);
    read_timeout(reader, command.timeout);
    return command;
}

Command read_kvp_delete(FieldReader& reader) {
    KvpDeleteCommand command{.key = read_key(reader)};
    read_writable_pool(reader, command.pool);
    read_timeout(reader, command.timeout);
    return command;
}

Command read_kvp_watch(FieldReader& reader) {
    KvpWatchCommand command;
    read_choice(reader, "pool", kPoolWords, command.pool);
    command.initial = reader.boolean("initial").value_or(false);
    return command;
}

/// A list of short texts; what they say is the worker's to judge.
std::vector<std::string> read_texts(FieldReader& reader, std::string_view name, size_t max_items) {
    std::vector<std::string> texts;
    const Json* list = reader.list(name, max_items);
    if (list == nullptr) {
        return texts;
    }
    for (const Json& item : *list) {
        if (!item.is_string() || item.get_ref<const std::string&>().size() > kMaxAddressBytes) {
            reader.complain(name, "expected a list of addresses");
            return {};
        }
        texts.push_back(item.get<std::string>());
    }
    return texts;
}

Command read_ip_set(FieldReader& reader) {
    IpSetCommand command;
    reader.require("adapter");
    command.adapter = reader.text("adapter", kMaxAddressBytes).value_or(std::string());
    if (!command.adapter.empty() && !Guid::parse(command.adapter)) {
        reader.complain("adapter", "expected the GUID of a network channel");
    }
    command.dhcp = reader.boolean("dhcp").value_or(false);
    command.addresses = read_texts(reader, "addresses", kMaxIpAddresses);
    command.gateways = read_texts(reader, "gateways", kMaxIpGateways);
    command.dns_servers = read_texts(reader, "dns_servers", kMaxIpAddresses);
    if (!reader.bad() && command.addresses.empty() && !command.dhcp) {
        reader.complain("addresses", "expected an address, or dhcp");
    }
    read_timeout(reader, command.timeout);
    return command;
}

template <class WithTimeout>
Command read_timeout_only(FieldReader& reader) {
    WithTimeout command;
    read_timeout(reader, command.timeout);
    return command;
}

Command read_heartbeat_set(FieldReader& reader) {
    HeartbeatSetCommand command{read_policy_change(reader)};
    if (!reader.bad() && command.change == HeartbeatPolicyChange{}) {
        reader.complain(FieldError{.pointer = {}, .message = "nothing to set was given"});
    }
    return command;
}

Command read_events_list(FieldReader& reader) {
    EventsListCommand command;
    command.since = static_cast<uint64_t>(reader.integer("since", kSequenceBounds).value_or(0));
    command.limit =
        static_cast<uint32_t>(reader.integer("limit", kLimitBounds).value_or(kMaxEventsListed));
    return command;
}

Command read_events_subscribe(FieldReader& reader) {
    EventsSubscribeCommand command;
    if (const auto since = reader.integer("since", kSequenceBounds)) {
        command.since = static_cast<uint64_t>(*since);
    }
    return command;
}

Command read_cancel(FieldReader& reader) {
    reader.require("id");
    return CancelCommand{static_cast<uint64_t>(reader.integer("id", kIdBounds).value_or(0))};
}

struct Verb {
    std::string_view name;
    Command (*read)(FieldReader& reader);
};

using Machine = MachineCommand::Action;
using Shutdown = ShutdownCommand::Action;
constexpr auto kVerbs = std::to_array<Verb>({
    {"status", read_nothing<StatusCommand>},
    {"status.subscribe", read_nothing<StatusSubscribeCommand>},
    {"stats", read_nothing<StatsCommand>},
    {"pause", read_machine<Machine::kPause>},
    {"resume", read_machine<Machine::kResume>},
    {"reset", read_machine<Machine::kReset>},
    {"power_off", read_machine<Machine::kPowerOff>},
    {"shutdown", read_shutdown<Shutdown::kShutdown>},
    {"restart", read_shutdown<Shutdown::kRestart>},
    {"hibernate", read_shutdown<Shutdown::kHibernate>},
    {"wait", read_wait},
    {"service.list", read_nothing<ServiceListCommand>},
    {"service.enable", read_service_switch<true>},
    {"service.disable", read_service_switch<false>},
    {"kvp.list", read_kvp_list},
    {"kvp.get", read_kvp_get},
    {"kvp.set", read_kvp_set<false>},
    {"kvp.add", read_kvp_set<true>},
    {"kvp.delete", read_kvp_delete},
    {"kvp.watch", read_kvp_watch},
    {"ip.show", read_timeout_only<IpShowCommand>},
    {"ip.set", read_ip_set},
    {"time.show", read_nothing<TimeShowCommand>},
    {"time.sync", read_timeout_only<TimeSyncCommand>},
    {"heartbeat.show", read_nothing<HeartbeatShowCommand>},
    {"heartbeat.set", read_heartbeat_set},
    {"events.list", read_events_list},
    {"events.subscribe", read_events_subscribe},
    {"cancel", read_cancel},
});

}  // namespace

Result<Command, Failure> decode_command(std::string_view verb, const Json& args) {
    for (const Verb& known : kVerbs) {
        if (known.name == verb) {
            FieldReader reader(args);
            Command command = known.read(reader);
            if (const auto finished = reader.finish(); !finished) {
                return std::unexpected(usage_failure(finished.error()));
            }
            return command;
        }
    }
    return std::unexpected(make_failure(ErrorCode::kUsage, "no such verb",
                                        "docs/control-protocol.md lists the verbs"));
}

}  // namespace hvis::control
