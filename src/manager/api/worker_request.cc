#include "manager/api/worker_request.h"

#include <nlohmann/json.hpp>

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

control::Json body_with(const ApiRequest& request, const control::Json& more) {
    control::Json body = *request.body;
    body.update(more);
    return body;
}

}  // namespace hvis::manager
