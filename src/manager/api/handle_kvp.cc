#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf16.h"
#include "manager/api/handlers.h"
#include "manager/api/query_reader.h"
#include "manager/api/worker_request.h"

namespace hvis::manager {
namespace {

using control::Json;

/// What the path and the query say, as arguments of a kvp verb; nothing when it was answered.
std::optional<Json> arguments(const ApiRequest& request, const Responder& responder) {
    QueryReader query(request.query);
    const auto timeout =
        query.integer("timeout_ms", {.lowest = 1, .highest = control::kMaxTimeout.count()});
    if (const auto finished = query.finish(); !finished) {
        responder.fail(finished.error());
        return std::nullopt;
    }
    Json args = {{"pool", request.name("pool")}};
    if (request.names.contains("key")) {
        args["key"] = request.name("key");
    }
    if (timeout) {
        args["timeout_ms"] = *timeout;
    }
    return body_with(request, args);
}

Failure no_such_key(const std::string& key) {
    return control::make_failure(control::ErrorCode::kNotFound,
                                 fmt::format("there is no key \"{}\"", escape_for_display(key)));
}

/// The pairs of the host for a VM that does not run; the guest's own pools are in the guest.
Result<std::vector<HeldPair>, Failure> held_pairs(ApiContext& context, const Guid& vm,
                                                  control::Pool pool) {
    if (pool == control::Pool::kGuest || pool == control::Pool::kAuto) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kUnavailable, "the VM is not running: only its guest has this pool",
            "start the VM"));
    }
    auto pairs = HVIS_TRY(context.store.load_pairs(vm));
    std::erase_if(pairs, [pool](const HeldPair& pair) { return pair.pool != pool; });
    return pairs;
}

Json pair_json(const HeldPair& pair) { return {{"key", pair.key}, {"value", pair.value}}; }

/// Reads for a VM that does not run: what the host holds is what the guest will see.
struct Resting {
    ApiContext& context;
    Guid vm;

    Result<Json, Failure> operator()(const control::KvpListCommand& command) const {
        Json list = Json::array();
        for (const HeldPair& pair : HVIS_TRY(held_pairs(context, vm, command.pool))) {
            list.push_back(pair_json(pair));
        }
        return Json{{"pool", control::to_string(command.pool)}, {"pairs", std::move(list)}};
    }
    Result<Json, Failure> operator()(const control::KvpGetCommand& command) const {
        const auto pairs = HVIS_TRY(held_pairs(context, vm, command.pool));
        const auto found = std::ranges::find(pairs, command.key, &HeldPair::key);
        if (found == pairs.end()) {
            return std::unexpected(no_such_key(command.key));
        }
        return pair_json(*found);
    }
};

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

template <class Command>
void read(ApiContext& context, const ApiRequest& request, const Responder& responder,
          std::string_view verb) {
    const auto vm = vm_of(context, request, responder);
    const auto args = vm ? checked(request, responder) : std::nullopt;
    if (!args) {
        return;
    }
    if (!is_at_rest(*context.supervisor.summary(*vm))) {
        ask_worker(context, *vm, verb, *args, responder, verb == "kvp.get" ? only_pair : nullptr);
        return;
    }
    const auto command = control::decode_command(verb, *args);
    if (!command) {
        responder.fail(command.error());
        return;
    }
    auto result = Resting{.context = context, .vm = *vm}(std::get<Command>(*command));
    if (result) {
        responder.json(*std::move(result));
    } else {
        responder.fail(result.error());
    }
}

/// The supervisor keeps what is written, and passes it on when there is a guest.
void write(ApiContext& context, const ApiRequest& request, const Responder& responder,
           std::string_view verb) {
    const auto vm = vm_of(context, request, responder);
    const auto args = vm ? checked(request, responder) : std::nullopt;
    if (args) {
        ask_worker(context, *vm, verb, *args, responder);
    }
}

}  // namespace

void list_pairs(ApiContext& context, const ApiRequest& request, Responder responder) {
    read<control::KvpListCommand>(context, request, responder, "kvp.list");
}

void show_pair(ApiContext& context, const ApiRequest& request, Responder responder) {
    read<control::KvpGetCommand>(context, request, responder, "kvp.get");
}

void set_pair(ApiContext& context, const ApiRequest& request, Responder responder) {
    write(context, request, responder, "kvp.set");
}

void add_pair(ApiContext& context, const ApiRequest& request, Responder responder) {
    write(context, request, responder, "kvp.add");
}

void delete_pair(ApiContext& context, const ApiRequest& request, Responder responder) {
    write(context, request, responder, "kvp.delete");
}

}  // namespace hvis::manager
