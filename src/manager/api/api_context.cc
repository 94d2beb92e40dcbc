#include "manager/api/api_context.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf16.h"

namespace hvis::manager {

std::optional<Guid> vm_of(ApiContext& context, const ApiRequest& request,
                          const Responder& responder) {
    const std::string& name = request.name("vm");
    const auto vm = context.supervisor.find(name);
    if (!vm) {
        responder.fail(
            control::make_failure(control::ErrorCode::kNotFound,
                                  fmt::format("there is no VM \"{}\"", escape_for_display(name)),
                                  "hvis list shows all of them"));
    }
    return vm;
}

std::shared_ptr<Operations::Work> begin_operation(ApiContext& context, const ApiRequest& request,
                                                  const Responder& responder, std::string kind,
                                                  std::optional<Guid> vm) {
    std::string name;
    if (vm) {
        if (const auto summary = context.supervisor.summary(*vm)) {
            name = summary->definition.name;
        }
    }
    auto work = context.operations.begin(std::move(kind), request.caller, vm, std::move(name));
    if (!work) {
        responder.fail(503, work.error());
        return nullptr;
    }
    return *std::move(work);
}

void answer_accepted(ApiContext& context, const Responder& responder, const Guid& operation) {
    const Operation* found = context.operations.find(operation);
    if (found == nullptr) {
        responder.fail(control::make_failure(control::ErrorCode::kFailed,
                                             "the operation has been forgotten already"));
        return;
    }
    HttpResponse response{.status = 202, .headers = {}, .body = {}, .render = {}};
    response.headers.emplace_back("Location", "/api/v1/operations/" + operation.to_string());
    response.body = control::dump_json(to_json(*found)) + "\n";
    responder.respond(std::move(response));
}

void end_operation(Operations::Work& work, const Result<void, Failure>& result) {
    if (result) {
        work.done();
    } else if (result.error().outcome == "cancelled") {
        work.cancelled();
    } else {
        work.failed(result.error());
    }
}

bool is_at_rest(const VmSummary& summary) {
    return summary.status == nullptr &&
           (summary.state == "stopped" || summary.state == "failed" || summary.state == "crashed");
}

}  // namespace hvis::manager
