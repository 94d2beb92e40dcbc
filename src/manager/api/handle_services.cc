#include <nlohmann/json.hpp>

#include "control/alert_test.h"
#include "control/field_reader.h"
#include "control/time_text.h"
#include "manager/api/handlers.h"
#include "manager/api/planned_services.h"
#include "manager/api/worker_request.h"
#include "manager/supervisor/live_settings.h"

namespace hvis::manager {
namespace {

using control::Json;

/// Puts in the newest version that the definition lets the service offer; the worker knows only
/// that of its own start.
void put_limit(Json& entry, const VmDefinition& definition) {
    const std::string service = entry.value("service", "");
    for (size_t index = 0; index < control::kServiceWords.size(); ++index) {
        const std::string& version = definition.service_versions.at(index);
        if (control::kServiceWords.at(index) == service && !version.empty()) {
            entry["max_version"] = version;
        }
    }
}

/// Why nothing more is known of a service than what the definition says.
std::string resting_explanation(const VmSummary& summary, bool enabled) {
    if (!is_at_rest(summary)) {
        return summary.state == "unreachable"
                   ? summary.explanation
                   : "the VM is " + summary.state + ": its worker has not told of the service yet";
    }
    return enabled ? "the VM is not running: start it"
                   : "the service is disabled and will not be offered";
}

/// A service of which no worker tells, as it would describe it.
Json resting_service(const VmSummary& summary, size_t index) {
    const bool enabled = summary.definition.services.at(index);
    Json entry = {{"service", control::kServiceWords.at(index)},
                  {"enabled", enabled},
                  {"primary", enabled ? "no_contact" : "disabled"},
                  {"secondary", "ok"},
                  {"since", summary.since ? Json(control::time_text(*summary.since)) : Json()},
                  {"explanation", resting_explanation(summary, enabled)}};
    put_limit(entry, summary.definition);
    return entry;
}

Json resting_services(const VmSummary& summary) {
    Json list = Json::array();
    for (size_t index = 0; index < control::kServiceWords.size(); ++index) {
        list.push_back(resting_service(summary, index));
    }
    return list;
}

Json services_answer(Json services) {
    return {{"services", std::move(services)}, {"not_offered", planned_services()}};
}

std::string_view word_of(Delivery::State state) {
    switch (state) {
        case Delivery::State::kWaiting:
            return "waiting";
        case Delivery::State::kTaken:
            return "taken";
        case Delivery::State::kFailed:
            return "failed";
        case Delivery::State::kFiltered:
            return "filtered";
        case Delivery::State::kUnknown:
            break;
    }
    return "unknown";
}

Json delivery_json(const Delivery& delivery) {
    return {{"hook", delivery.hook},
            {"state", word_of(delivery.state)},
            {"attempts", delivery.attempts},
            {"took_ms", delivery.took.count()},
            {"problem", delivery.problem}};
}

std::optional<control::Service> service_of(const ApiRequest& request, const Responder& responder) {
    const std::string& name = request.name("service");
    for (size_t index = 0; index < control::kServiceWords.size(); ++index) {
        if (control::kServiceWords.at(index) == name) {
            return static_cast<control::Service>(index);
        }
    }
    responder.fail(not_offered(name));
    return std::nullopt;
}

/// Answers with the service as it is after the switch, and what the administrator should know.
void answer_switched(ApiContext& context, const Guid& vm, control::Service service,
                     const Responder& responder, const std::string& note) {
    const auto summary = context.supervisor.summary(vm);
    if (!summary) {
        responder.fail(
            control::make_failure(control::ErrorCode::kNotFound, "the VM was deleted meanwhile"));
        return;
    }
    // The note is from after the switch, and so is what the worker has told by now.
    const bool enabled = summary->definition.services.at(std::to_underlying(service));
    const Json* told = summary->status != nullptr && summary->state != "unreachable"
                           ? service_in(*summary->status, service)
                           : nullptr;
    Json shown = told != nullptr && told->value("enabled", Json()) == Json(enabled)
                     ? *told
                     : resting_service(*summary, std::to_underlying(service));
    put_limit(shown, summary->definition);
    shown["note"] = note;
    responder.json(std::move(shown));
}

}  // namespace

void show_status(ApiContext& context, const ApiRequest& request, Responder responder) {
    pass_on(context, request, responder, "status");
}

void show_stats(ApiContext& context, const ApiRequest& request, Responder responder) {
    pass_on(context, request, responder, "stats");
}

void list_services(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    const auto summary = context.supervisor.summary(*vm);
    if (!is_at_rest(*summary)) {
        const auto shaped = [definition = summary->definition](const Json& answer) {
            Json services = answer.value("services", Json::array());
            for (Json& entry : services) {
                put_limit(entry, definition);
            }
            return services_answer(std::move(services));
        };
        ask_worker(context, *vm, "service.list", *request.body, responder, shaped);
    } else {
        responder.json(services_answer(resting_services(*summary)));
    }
}

void switch_service(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    const auto service = vm ? service_of(request, responder) : std::nullopt;
    if (!service) {
        return;
    }
    control::FieldReader reader(*request.body);
    reader.require("enabled");
    const auto enabled = reader.boolean("enabled");
    if (const auto finished = reader.finish(); !finished) {
        responder.fail(control::usage_failure(finished.error()));
        return;
    }
    context.supervisor.set_service(
        *vm, *service, *enabled,
        [&context, vm = *vm, service = *service, responder](Result<std::string, Failure> note) {
            if (note) {
                answer_switched(context, vm, service, responder, *note);
            } else {
                responder.fail(note.error());
            }
        });
}

void show_heartbeat(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    const auto summary = context.supervisor.summary(*vm);
    if (!is_at_rest(*summary)) {
        ask_worker(context, *vm, "heartbeat.show", *request.body, responder);
        return;
    }
    responder.json({{"policy", control::to_json(summary->definition.heartbeat)},
                    {"service", resting_service(*summary, 0)},
                    {"sent", 0},
                    {"answered", 0},
                    {"missed", 0},
                    {"attempts_used", 0}});
}

void change_heartbeat(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    // The same reader as the worker's: at least one field, each within its bounds.
    const auto command = control::decode_command("heartbeat.set", *request.body);
    if (!command) {
        responder.fail(command.error());
        return;
    }
    VmDefinition definition = context.supervisor.summary(*vm)->definition;
    definition.heartbeat =
        std::get<control::HeartbeatSetCommand>(*command).change.applied_to(definition.heartbeat);
    const auto pending = context.supervisor.redefine(definition);
    if (!pending) {
        responder.fail(pending.error());
        return;
    }
    responder.json({{"policy", control::to_json(definition.heartbeat)}, {"pending", *pending}});
}

void test_heartbeat(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    const auto summary = context.supervisor.summary(*vm);
    context.hooks.test({.id = *vm, .name = summary->definition.name}, request.caller.name,
                       control::kAlertTestTime,
                       [responder](Result<Hooks::TestResult, Failure> result) {
                           if (!result) {
                               responder.fail(result.error());
                               return;
                           }
                           Json deliveries = Json::array();
                           for (const Delivery& delivery : result->deliveries) {
                               deliveries.push_back(delivery_json(delivery));
                           }
                           responder.json({{"event", to_json(result->event)},
                                           {"deliveries", std::move(deliveries)}});
                       });
}

}  // namespace hvis::manager
