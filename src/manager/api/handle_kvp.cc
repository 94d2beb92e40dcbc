#include <algorithm>

#include <nlohmann/json.hpp>

#include "manager/api/handlers.h"
#include "manager/api/query_reader.h"
#include "manager/api/worker_request.h"

namespace hvis::manager {
namespace {

using control::Json;

/// What path, query and body say, as arguments of a kvp verb; nothing when it was answered.
std::optional<Json> arguments(const ApiRequest& request, const Responder& responder) {
    QueryReader query(request.query);
    const auto timeout =
        query.integer("timeout_ms", {.lowest = 1, .highest = control::kMaxTimeout.count()});
    if (const auto finished = query.finish(); !finished) {
        responder.fail(finished.error());
        return std::nullopt;
    }
    if (request.body->contains("timeout_ms")) {
        // As an argument it would be one of the verb's.
        responder.fail(
            control::usage_failure({.pointer = "/timeout_ms",
                                    .message = "unknown field; it is a parameter of the query"}));
        return std::nullopt;
    }
    Json args = {{"pool", request.name("pool")}};
    if (request.names.contains("key")) {
        args["key"] = request.name("key");
    }
    if (timeout) {
        args["timeout_ms"] = *timeout;
    }
    return body_with(request, args, responder);
}

Json only_pair(const Json& result) {
    return result.contains("pairs") && !result["pairs"].empty() ? result["pairs"].front() : result;
}

/// The path's names and the body as arguments of the verb; nothing when it was answered already.
std::optional<Json> checked(const ApiRequest& request, const Responder& responder) {
    const std::string& pool = request.name("pool");
    if (std::ranges::find(control::kPoolWords, std::string_view(pool)) ==
        control::kPoolWords.end()) {
        responder.fail(control::make_failure(control::ErrorCode::kNotFound, "there is no such pool",
                                             "external, guest, auto and parameters"));
        return std::nullopt;
    }
    return arguments(request, responder);
}

/// The supervisor knows the pairs that the host keeps, and passes on what only the guest can do.
void ask(ApiContext& context, const ApiRequest& request, const Responder& responder,
         std::string_view verb, std::function<Json(const Json&)> shaped = nullptr) {
    const auto vm = vm_of(context, request, responder);
    const auto args = vm ? checked(request, responder) : std::nullopt;
    if (args) {
        ask_worker(context, *vm, verb, *args, responder, std::move(shaped));
    }
}

}  // namespace

void list_pairs(ApiContext& context, const ApiRequest& request, Responder responder) {
    ask(context, request, responder, "kvp.list");
}

void show_pair(ApiContext& context, const ApiRequest& request, Responder responder) {
    ask(context, request, responder, "kvp.get", only_pair);
}

void set_pair(ApiContext& context, const ApiRequest& request, Responder responder) {
    ask(context, request, responder, "kvp.set");
}

void add_pair(ApiContext& context, const ApiRequest& request, Responder responder) {
    ask(context, request, responder, "kvp.add");
}

void delete_pair(ApiContext& context, const ApiRequest& request, Responder responder) {
    ask(context, request, responder, "kvp.delete");
}

}  // namespace hvis::manager
