#include "manager/supervisor/live_settings.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::Json;
using control::Service;

bool is(const Json& object, const char* name, const Json& value) {
    const auto found = object.find(name);
    return found != object.end() && *found == value;
}

/// Every field, so that the whole policy is what the definition says.
control::HeartbeatPolicyChange whole(const control::HeartbeatPolicy& policy) {
    return {.interval = policy.interval,
            .latency = policy.latency,
            .misses = policy.misses,
            .window = policy.window,
            .grace = policy.grace,
            .on_loss = policy.on_loss,
            .attempts = policy.attempts};
}

}  // namespace

const Json* service_in(const Json& status, Service service) {
    const auto services = status.find("services");
    if (services == status.end() || !services->is_array()) {
        return nullptr;
    }
    for (const Json& entry : *services) {
        if (entry.is_object() && is(entry, "service", Json(control::to_string(service)))) {
            return &entry;
        }
    }
    return nullptr;
}

LiveSettings::LiveSettings(EventLog& log, EventLog::Subject vm, const VmDefinition& definition,
                           HeldPairs& pairs, const Timings& timings, control::Link& link,
                           loop::Loop& loop, PairRestore::Settled pairs_settled)
    : log_(log),
      vm_(std::move(vm)),
      definition_(definition),
      timings_(timings),
      link_(link),
      pairs_(
          loop, pairs, timings, link,
          [this](const std::string& what, const std::string& why) { not_applied(what, why); },
          std::move(pairs_settled)) {}

void LiveSettings::begin() {
    ask(control::HeartbeatShowCommand{}, "the heartbeat policy", [this](const Json& result) {
        if (!is(result, "policy", control::to_json(definition_.heartbeat))) {
            apply_heartbeat();
        }
    });
}

void LiveSettings::status(const Json& status) {
    if (!std::exchange(services_compared_, true)) {
        for (size_t index = 0; index < definition_.services.size(); ++index) {
            const auto service = static_cast<Service>(index);
            const Json* entry = service_in(status, service);
            if (entry != nullptr && is(*entry, "enabled", !definition_.services[index])) {
                apply_service(service);
            }
        }
    }
    const Json* kvp = service_in(status, Service::kKvp);
    // One of an older version exchanges pairs as well; it is degraded for what it lacks beside
    // them.
    const bool ok =
        kvp != nullptr && (is(*kvp, "primary", "ok") || is(*kvp, "primary", "degraded"));
    if (ok != std::exchange(kvp_was_ok_, ok)) {
        ok ? pairs_.begin() : pairs_.stop();
    }
}

void LiveSettings::not_applied(const std::string& setting, const std::string& why) {
    log_.record(control::EventId::kSettingsNotApplied, vm_, {{"setting", setting}, {"why", why}});
}

void LiveSettings::apply_service(Service service) {
    ask(control::ServiceSwitchCommand{.service = service,
                                      .enable = definition_.services[std::to_underlying(service)]},
        "the service " + std::string(control::to_string(service)));
}

void LiveSettings::apply_heartbeat() {
    ask(control::HeartbeatSetCommand{.change = whole(definition_.heartbeat)},
        "the heartbeat policy");
}

void LiveSettings::ask(const control::Command& command, std::string setting,
                       std::function<void(const Json&)> answered) {
    link_.request(control::encode_command(command),
                  loop::Loop::now() + control::kServiceTimeout + timings_.reply_slack,
                  [this, setting = std::move(setting), answered = std::move(answered)](auto reply) {
                      if (reply) {
                          if (answered) {
                              answered(**reply);
                          }
                      } else if (reply.error().outcome != control::Link::kLinkLost) {
                          not_applied(setting, reply.error().message);
                      }
                  });
}

}  // namespace hvis::manager
