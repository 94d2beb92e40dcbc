#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "manager/api/handlers.h"
#include "manager/api/images.h"
#include "manager/api/query_reader.h"
#include "manager/definition/missing_files.h"

namespace hvis::manager {
namespace {

using control::Json;

constexpr std::array<std::string_view, 8> kStateWords = {
    "stopped", "starting", "running", "paused", "stopping", "crashed", "failed", "unreachable"};

Failure body_failure(const control::FieldError& error) {
    Failure failure =
        control::make_failure(control::ErrorCode::kUsage, error.to_string(),
                              "GET /api/v1/openapi.yaml has the fields of every request");
    failure.pointer = error.pointer;
    return failure;
}

/// What another VM has already, or nothing.
std::optional<Failure> conflict_of(const ApiContext& context, const VmDefinition& definition,
                                   const Guid* self) {
    const auto named = context.supervisor.find(definition.name);
    const bool name_taken = named && (self == nullptr || *named != *self);
    const bool id_taken = self == nullptr && context.supervisor.summary(definition.id);
    if (!name_taken && !id_taken) {
        return std::nullopt;
    }
    Failure failure =
        control::make_failure(control::ErrorCode::kFailed,
                              "there is a VM with this name or id already", "choose another one");
    failure.pointer = name_taken ? "/name" : "/id";
    failure.outcome = "conflict";
    return failure;
}

std::string location_of(const Guid& vm) { return "/api/v1/vms/" + vm.to_string(); }

}  // namespace

void list_vms(ApiContext& context, const ApiRequest& request, Responder responder) {
    QueryReader query(request.query);
    const auto state = query.choice("state", kStateWords);
    const auto name = query.text("name");
    if (const auto finished = query.finish(); !finished) {
        responder.fail(finished.error());
        return;
    }
    std::vector<SummaryRows::Row> rows = context.rows.of(context.supervisor.list());
    std::erase_if(rows, [&](const SummaryRows::Row& row) {
        const VmSummary& summary = row->summary();
        return (state && summary.state != kStateWords[*state]) ||
               (name && summary.definition.name.find(*name) == std::string::npos);
    });
    HttpResponse response{.headers = {}, .body = {}, .render = {}};
    // On the http thread: with thousands of VMs it is long.
    response.render = [rows = std::move(rows)] { return list_text(rows, loop::Loop::now()); };
    responder.respond(std::move(response));
}

void define_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    auto definition = parse_definition(*request.body);
    if (!definition) {
        responder.fail(body_failure(definition.error()));
        return;
    }
    if (const auto conflict = conflict_of(context, *definition, nullptr)) {
        responder.fail(*conflict);
        return;
    }
    if (const auto defined = context.supervisor.define(*definition); !defined) {
        responder.fail(defined.error());
        return;
    }
    Json answer = summary_json(*context.supervisor.summary(definition->id));
    answer["warnings"] = missing_files(*definition);
    HttpResponse response{.status = 201, .headers = {}, .body = {}, .render = {}};
    response.headers.emplace_back("Location", location_of(definition->id));
    response.body = control::dump_json(answer) + "\n";
    responder.respond(std::move(response));
}

void show_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    if (const auto vm = vm_of(context, request, responder)) {
        responder.json(summary_json(*context.supervisor.summary(*vm)));
    }
}

void change_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    const auto changed = patched(context.supervisor.summary(*vm)->definition, *request.body);
    if (!changed) {
        responder.fail(body_failure(changed.error()));
        return;
    }
    if (const auto conflict = conflict_of(context, *changed, &*vm)) {
        responder.fail(*conflict);
        return;
    }
    const auto pending = context.supervisor.redefine(*changed);
    if (!pending) {
        responder.fail(pending.error());
        return;
    }
    Json answer = summary_json(*context.supervisor.summary(*vm));
    answer["pending"] = *pending;
    answer["warnings"] = missing_files(*changed);
    responder.json(std::move(answer));
}

void delete_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    const VmSummary gone = *context.supervisor.summary(*vm);
    if (const auto removed = context.supervisor.remove(*vm); !removed) {
        responder.fail(removed.error());
        return;
    }
    delete_images(context, gone);
    responder.done();
}

}  // namespace hvis::manager
