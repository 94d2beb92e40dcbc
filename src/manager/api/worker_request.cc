#include "manager/api/worker_request.h"

#include <nlohmann/json.hpp>

#include "manager/api/query_reader.h"

namespace hvis::manager {

void ask_worker(ApiContext& context, const Guid& vm, std::string_view verb,
                const control::Json& args, const Responder& responder,
                std::function<control::Json(const control::Json&)> shaped) {
    const auto command = control::decode_command(verb, args);
    if (!command) {
        responder.fail(command.error());
        return;
    }
    const Supervisor::RequestId id = context.supervisor.request(
        vm, control::encode_command(*command),
        [responder,
         shaped = std::move(shaped)](Result<std::shared_ptr<const control::Json>, Failure> answer) {
            if (!answer) {
                responder.fail(answer.error());
            } else if (shaped) {
                responder.json(shaped(**answer));
            } else {
                responder.json(*answer);
            }
        });
    responder.when_gone([&context, id] { context.supervisor.cancel(id); });
}

void pass_on(ApiContext& context, const ApiRequest& request, const Responder& responder,
             std::string_view verb) {
    if (const auto vm = vm_of(context, request, responder)) {
        ask_worker(context, *vm, verb, *request.body, responder);
    }
}

void pass_on_with_timeout(ApiContext& context, const ApiRequest& request,
                          const Responder& responder, std::string_view verb) {
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    QueryReader query(request.query);
    const auto timeout =
        query.integer("timeout_ms", {.lowest = 1, .highest = control::kMaxTimeout.count()});
    if (const auto finished = query.finish(); !finished) {
        responder.fail(finished.error());
        return;
    }
    const auto more = timeout ? control::Json{{"timeout_ms", *timeout}} : control::Json::object();
    if (const auto args = body_with(request, more, responder)) {
        ask_worker(context, *vm, verb, *args, responder);
    }
}

std::optional<control::Json> body_with(const ApiRequest& request, const control::Json& more,
                                       const Responder& responder) {
    control::Json body = *request.body;
    for (const auto& [name, value] : more.items()) {
        if (!body.emplace(name, value).second) {
            responder.fail(
                control::usage_failure({.pointer = control::child_pointer({}, name),
                                        .message = "the path or the query says this already"}));
            return std::nullopt;
        }
    }
    return body;
}

}  // namespace hvis::manager
