#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/utf16.h"
#include "manager/api/handlers.h"
#include "manager/api/query_reader.h"
#include "manager/api/worker_request.h"
#include "manager/supervisor/held_pairs.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Json;
using control::Pool;

constexpr std::string_view kHeld = "held";

/// What path, query and body say.
struct Asked {
    Pool pool;
    Json args;          ///< of a kvp verb
    bool held = false;  ///< what the host keeps is wanted, not what the guest has
};

/// Nothing when it was answered already.
std::optional<Asked> read_request(const ApiRequest& request, Pool pool,
                                  const Responder& responder) {
    const bool is_read = request.route->method == Method::kGet;
    QueryReader query(request.query);
    const auto timeout =
        query.integer("timeout_ms", {.lowest = 1, .highest = control::kMaxTimeout.count()});
    const bool held = is_read && query.boolean(kHeld).value_or(false);
    if (held && !HeldPairs::is_hosts(pool)) {
        query.complain(kHeld, "the host keeps pairs of external and parameters alone");
    }
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
    auto all = body_with(request, args, responder);
    return all ? std::optional(Asked{.pool = pool, .args = *std::move(all), .held = held})
               : std::nullopt;
}

/// The same, if there is such a pool.
std::optional<Asked> checked(const ApiRequest& request, const Responder& responder) {
    const auto* const word =
        std::ranges::find(control::kPoolWords, std::string_view(request.name("pool")));
    if (word == control::kPoolWords.end()) {
        responder.fail(control::make_failure(ErrorCode::kNotFound, "there is no such pool",
                                             "external, guest, auto and parameters"));
        return std::nullopt;
    }
    return read_request(request, static_cast<Pool>(word - control::kPoolWords.begin()), responder);
}

Json only_pair(const Json& result) {
    return result.contains("pairs") && !result["pairs"].empty() ? result["pairs"].front() : result;
}

/// From the store: the guest need not be there, nor have a daemon.
void answer_held(ApiContext& context, const Guid& vm, const ApiRequest& request, Pool pool,
                 const Responder& responder) {
    auto kept = context.store.load_pairs(vm);
    if (!kept) {
        responder.fail(kept.error());
        return;
    }
    const auto key = request.names.find("key");
    const bool is_list = key == request.names.end();
    control::KvpResult found{.pool = pool, .pairs = {}};
    for (HeldPair& pair : *kept) {
        if (pair.pool == pool && (is_list || pair.key == key->second)) {
            found.pairs.push_back({.key = std::move(pair.key), .value = std::move(pair.value)});
        }
    }
    if (!is_list && found.pairs.empty()) {
        responder.fail(control::make_failure(
            ErrorCode::kNotFound,
            "the host holds no pair with the key \"" + escape_for_display(key->second) + "\""));
        return;
    }
    Json result = control::to_json(control::CommandResult(std::move(found)));
    responder.json(is_list ? std::move(result) : only_pair(result));
}

/// The supervisor knows the pairs that the host keeps, and passes on what only the guest can do.
void ask(ApiContext& context, const ApiRequest& request, const Responder& responder,
         std::string_view verb, std::function<Json(const Json&)> shaped = nullptr) {
    const auto vm = vm_of(context, request, responder);
    const auto asked = vm ? checked(request, responder) : std::nullopt;
    if (asked && asked->held) {
        answer_held(context, *vm, request, asked->pool, responder);
    } else if (asked) {
        ask_worker(context, *vm, verb, asked->args, responder, std::move(shaped));
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
