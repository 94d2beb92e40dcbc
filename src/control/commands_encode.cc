#include <nlohmann/json.hpp>

#include "control/commands.h"

namespace hvis::control {
namespace {

EncodedCommand encoded(std::string_view verb, Json args = Json::object()) {
    return {.verb = std::string(verb), .args = std::make_shared<const Json>(std::move(args))};
}

constexpr std::array<std::string_view, 4> kMachineVerbs = {"pause", "resume", "reset", "power_off"};
constexpr std::array<std::string_view, 3> kShutdownVerbs = {"shutdown", "restart", "hibernate"};

/// One overload for each request.
struct Encoder {
    EncodedCommand operator()(const StatusCommand&) const { return encoded("status"); }
    EncodedCommand operator()(const StatsCommand&) const { return encoded("stats"); }
    EncodedCommand operator()(const MachineCommand& command) const {
        return encoded(kMachineVerbs[std::to_underlying(command.action)]);
    }
    EncodedCommand operator()(const ShutdownCommand& command) const {
        return encoded(kShutdownVerbs[std::to_underlying(command.action)],
                       {{"force", command.force},
                        {"reason", command.reason},
                        {"message", command.message},
                        {"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const WaitCommand& command) const {
        return encoded("wait", {{"for", to_string(command.condition)},
                                {"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const ServiceListCommand&) const { return encoded("service.list"); }
    EncodedCommand operator()(const ServiceSwitchCommand& command) const {
        return encoded(command.enable ? "service.enable" : "service.disable",
                       {{"service", to_string(command.service)}});
    }
    EncodedCommand operator()(const KvpListCommand& command) const {
        return encoded("kvp.list", {{"pool", to_string(command.pool)},
                                    {"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const KvpGetCommand& command) const {
        return encoded("kvp.get", {{"pool", to_string(command.pool)},
                                   {"key", command.key},
                                   {"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const KvpSetCommand& command) const {
        return encoded(command.only_add ? "kvp.add" : "kvp.set",
                       {{"pool", to_string(command.pool)},
                        {"key", command.key},
                        {"value", command.value},
                        {"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const KvpDeleteCommand& command) const {
        return encoded("kvp.delete", {{"pool", to_string(command.pool)},
                                      {"key", command.key},
                                      {"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const IpShowCommand& command) const {
        return encoded("ip.show", {{"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const KvpWatchCommand& command) const {
        return encoded("kvp.watch",
                       {{"pool", to_string(command.pool)}, {"initial", command.initial}});
    }
    EncodedCommand operator()(const IpSetCommand& command) const {
        return encoded("ip.set", {{"adapter", command.adapter},
                                  {"dhcp", command.dhcp},
                                  {"addresses", command.addresses},
                                  {"gateways", command.gateways},
                                  {"dns_servers", command.dns_servers},
                                  {"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const TimeShowCommand&) const { return encoded("time.show"); }
    EncodedCommand operator()(const TimeSyncCommand& command) const {
        return encoded("time.sync", {{"timeout_ms", command.timeout.count()}});
    }
    EncodedCommand operator()(const HeartbeatShowCommand&) const {
        return encoded("heartbeat.show");
    }
    EncodedCommand operator()(const HeartbeatSetCommand& command) const {
        return encoded("heartbeat.set", to_json(command.change));
    }
    EncodedCommand operator()(const EventsListCommand& command) const {
        return encoded("events.list", {{"since", command.since}, {"limit", command.limit}});
    }
    EncodedCommand operator()(const EventsSubscribeCommand& command) const {
        Json args = Json::object();
        if (command.since) {
            args["since"] = *command.since;
        }
        return encoded("events.subscribe", std::move(args));
    }
    EncodedCommand operator()(const StatusSubscribeCommand&) const {
        return encoded("status.subscribe");
    }
    EncodedCommand operator()(const CancelCommand& command) const {
        return encoded("cancel", {{"id", command.id}});
    }
};

}  // namespace

EncodedCommand encode_command(const Command& command) { return std::visit(Encoder{}, command); }

}  // namespace hvis::control
