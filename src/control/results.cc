#include "control/results.h"

#include <nlohmann/json.hpp>

#include "control/reply.h"
#include "control/time_text.h"

namespace hvis::control {
namespace {

// What a guest can say in a status is cut to these lengths, so that a status always fits a packet.
constexpr size_t kMaxFactBytes = 256;
constexpr size_t kMaxAddressBytes = 64;
constexpr size_t kMaxAddresses = 16;
constexpr size_t kMaxCrashTextBytes = 4096;

/// Pairs of one result, written out. A guest may fill a pool with characters that take six times
/// their room as JSON: what is past this is left out, and said to be.
constexpr size_t kMaxPairsBytes = kMaxReplyBytes - 1024;

Json addresses_json(const std::vector<std::string>& addresses) {
    Json list = Json::array();
    for (const std::string& address : addresses) {
        if (list.size() == kMaxAddresses) {
            break;
        }
        list.push_back(address.substr(0, kMaxAddressBytes));
    }
    return list;
}

/// Puts a text that may be unknown.
void put(Json& object, const char* name, const std::string& text) {
    if (!text.empty()) {
        object[name] = text;
    }
}

void put(Json& object, const char* name, const std::optional<WallTime>& time) {
    if (time) {
        object[name] = time_text(*time);
    }
}

template <class Period>
void put(Json& object, const char* name,
         const std::optional<std::chrono::duration<int64_t, Period>>& duration) {
    if (duration) {
        object[name] = duration->count();
    }
}

Json to_json(const Histogram& histogram) {
    Json buckets = Json::array();
    for (const auto& [up_to_us, count] : histogram.buckets) {
        Json bucket = {{"count", count}};
        if (up_to_us) {
            bucket["up_to_us"] = *up_to_us;
        }
        buckets.push_back(std::move(bucket));
    }
    return {{"buckets", std::move(buckets)}, {"sum_us", histogram.sum_us}};
}

Json to_json(const ServiceState& state) {
    Json value = {{"service", to_string(state.service)},
                  {"enabled", state.enabled},
                  {"primary", state.primary},
                  {"secondary", state.secondary},
                  {"since", time_text(state.since)},
                  {"explanation", state.explanation}};
    put(value, "framework", state.framework);
    put(value, "message", state.message);
    put(value, "applications", state.applications);
    return value;
}

Json to_json(const std::vector<ServiceState>& services) {
    Json list = Json::array();
    for (const ServiceState& service : services) {
        list.push_back(to_json(service));
    }
    return list;
}

Json to_json(const GuestFacts& facts) {
    Json value = {{"ipv4", addresses_json(facts.ipv4)}, {"ipv6", addresses_json(facts.ipv6)}};
    const auto put_fact = [&](const char* name, const std::string& text) {
        put(value, name, text.substr(0, kMaxFactBytes));
    };
    put_fact("os_name", facts.os_name);
    put_fact("os_version", facts.os_version);
    put_fact("os_build", facts.os_build);
    put_fact("architecture", facts.architecture);
    put_fact("fqdn", facts.fqdn);
    put_fact("services_version", facts.services_version);
    return value;
}

std::string hex_text(uint64_t number) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text = "0x";
    for (unsigned shift = 64; shift != 0; shift -= 4) {
        text += kDigits[(number >> (shift - 4)) & 15U];
    }
    return text;
}

Json to_json(const CrashState& crash) {
    Json parameters = Json::array();
    for (const uint64_t parameter : crash.parameters) {
        parameters.push_back(hex_text(parameter));
    }
    return {{"at", time_text(crash.at)},
            {"parameters", parameters},
            {"text", crash.text.substr(0, kMaxCrashTextBytes)}};
}

Json to_json(const Counts& counts) {
    Json value = Json::object();
    for (const auto& [name, count] : counts) {
        value[name] = count;
    }
    return value;
}

/// One overload for each result.
struct Encoder {
    Json operator()(const std::monostate&) const { return Json::object(); }
    Json operator()(const StatusResult& result) const {
        Json value = {{"name", result.name},
                      {"id", result.id},
                      {"state", result.state},
                      {"uptime_ms", result.uptime.count()},
                      {"processors", result.processors},
                      {"memory", result.memory},
                      {"exits", result.exits},
                      {"services", to_json(result.services)}};
        put(value, "vmbus_version", result.vmbus_version);
        if (result.guest) {
            value["guest"] = to_json(*result.guest);
        }
        if (result.crash) {
            value["crash"] = to_json(*result.crash);
        }
        return value;
    }
    Json operator()(const StatsResult& result) const {
        Json value = {{"exits", to_json(result.exits)},
                      {"counters", to_json(result.counters)},
                      {"heartbeat", {{"round_trip", to_json(result.heartbeat_round_trip)}}},
                      {"clock", Json::object()}};
        put(value["heartbeat"], "age_ms", result.heartbeat_age);
        put(value["clock"], "offset_us", result.clock_offset);
        put(value["clock"], "round_trip_us", result.clock_round_trip);
        return value;
    }
    Json operator()(const WaitResult& result) const {
        return {{"for", to_string(result.condition)}, {"waited_ms", result.waited.count()}};
    }
    Json operator()(const ServiceListResult& result) const {
        return {{"services", to_json(result.services)}};
    }
    Json operator()(const KvpResult& result) const {
        Json pairs = Json::array();
        bool truncated = result.truncated;
        size_t bytes = 0;
        for (const KvpPair& pair : result.pairs) {
            Json item = {{"key", pair.key}, {"value", pair.value}};
            bytes += dump_json(item).size() + 1;
            if (bytes > kMaxPairsBytes) {
                truncated = true;
                break;
            }
            pairs.push_back(std::move(item));
        }
        Json value = {{"pool", to_string(result.pool)}, {"pairs", std::move(pairs)}};
        if (truncated) {
            value["truncated"] = true;
        }
        if (result.unreadable != 0) {
            value["unreadable"] = result.unreadable;
        }
        return value;
    }
    Json operator()(const IpResult& result) const {
        return {{"ipv4", addresses_json(result.ipv4)}, {"ipv6", addresses_json(result.ipv6)}};
    }
    Json operator()(const TimeResult& result) const {
        Json value = {{"host_time", time_text(result.host_time)},
                      {"syncs", result.syncs},
                      {"samples", result.samples},
                      {"service", to_json(result.service)}};
        put(value, "last_sync", result.last_sync);
        put(value, "last_sample", result.last_sample);
        if (result.reference_time) {
            value["reference_time"] = *result.reference_time;
        }
        put(value, "guest_offset_us", result.guest_offset);
        return value;
    }
    Json operator()(const HeartbeatResult& result) const {
        Json value = {{"policy", control::to_json(result.policy)},
                      {"service", to_json(result.service)},
                      {"sent", result.sent},
                      {"answered", result.answered},
                      {"missed", result.missed},
                      {"attempts_used", result.attempts_used}};
        put(value, "last_answer", result.last_answer);
        return value;
    }
    Json operator()(const HeartbeatSetResult& result) const {
        return {{"policy", control::to_json(result.policy)}};
    }
    Json operator()(const EventsResult& result) const {
        Json events = Json::array();
        for (const Event& event : result.events) {
            events.push_back(control::to_json(event));
        }
        return {{"events", std::move(events)}, {"next", result.next}, {"lost", result.lost}};
    }
    Json operator()(const SubscribeResult& result) const {
        return {{"next", result.next}, {"lost", result.lost}};
    }
};

}  // namespace

Json to_json(const CommandResult& result) { return std::visit(Encoder{}, result); }

Json to_json(const Event& event) {
    const EventSpec& spec = spec_of(event.id);
    Json fields = Json::object();
    for (const auto& [name, value] : event.fields) {
        fields[name] = value;
    }
    return {{"sequence", event.sequence},
            {"time", time_text(event.time)},
            {"id", std::to_underlying(event.id)},
            {"name", spec.name},
            {"severity", to_string(spec.severity)},
            {"service", event_service(event)},
            {"text", event_text(event)},
            {"fields", std::move(fields)}};
}

}  // namespace hvis::control
