#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "control/commands.h"
#include "manager/api/api_context.h"

namespace hvis::manager {

/// Answers a request that is the worker's to answer: checks `args` as the worker would, passes them
/// on, hands over the result or the failure. A client that leaves cancels the request.
void ask_worker(ApiContext& context, const Guid& vm, std::string_view verb,
                const control::Json& args, const Responder& responder,
                std::function<control::Json(const control::Json&)> shaped = nullptr);

/// The same with the VM that the path names and the request's body.
void pass_on(ApiContext& context, const ApiRequest& request, const Responder& responder,
             std::string_view verb);
/// The same, and `timeout_ms` may be in the query.
void pass_on_with_timeout(ApiContext& context, const ApiRequest& request,
                          const Responder& responder, std::string_view verb);

/// The request's body with the members of `more`, which path and query have said already; nothing
/// when it was answered, since the body says one of them too.
std::optional<control::Json> body_with(const ApiRequest& request, const control::Json& more,
                                       const Responder& responder);

}  // namespace hvis::manager
