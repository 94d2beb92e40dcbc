#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "control/commands.h"
#include "manager/api/api_context.h"

namespace hvis::manager {

/// Answers a request that is the worker's to answer: checks `args` as the worker would, passes them
/// on, hands over the result or the failure. A client that leaves cancels the request.
void ask_worker(ApiContext& context, const Guid& vm, std::string_view verb,
                const control::Json& args, const Responder& responder,
                std::function<control::Json(const control::Json&)> shaped = nullptr);

/// The request's body with the members of `more` put in.
control::Json body_with(const ApiRequest& request, const control::Json& more);

}  // namespace hvis::manager
