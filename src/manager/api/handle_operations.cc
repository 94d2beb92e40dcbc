#include <nlohmann/json.hpp>

#include "manager/api/handlers.h"
#include "manager/api/query_reader.h"

namespace hvis::manager {
namespace {

using control::Json;

constexpr int64_t kMaxWaitMs = 300'000;

Failure no_such_operation() {
    return control::make_failure(control::ErrorCode::kNotFound, "there is no such operation",
                                 "finished ones are kept for a while only");
}

std::optional<Guid> operation_of(ApiContext& context, const ApiRequest& request,
                                 const Responder& responder) {
    const auto id = Guid::parse(request.name("id"));
    if (!id || context.operations.find(*id) == nullptr) {
        responder.fail(no_such_operation());
        return std::nullopt;
    }
    return *id;
}

void answer_now(ApiContext& context, const Guid& id, const Responder& responder) {
    if (const Operation* operation = context.operations.find(id)) {
        responder.json(to_json(*operation));
    } else {
        responder.fail(no_such_operation());
    }
}

/// Answers when the operation ends, or when the time is over.
void answer_later(ApiContext& context, const Guid& id, std::chrono::milliseconds wait,
                  const Responder& responder) {
    struct Waiting {
        Operations::WatchId watch = 0;
        loop::Loop::TimerId timer = 0;
    };
    const auto waiting = std::make_shared<Waiting>();
    const auto end = [&context, waiting] {
        context.operations.unwatch(waiting->watch);
        context.loop.cancel_timer(waiting->timer);
    };
    const auto watch = context.operations.watch(id, [end, responder](const Operation& operation) {
        if (operation.state != OperationState::kRunning) {
            // What is called goes with the watch: hold on to the answer first.
            const Responder answer = responder;
            const Json value = to_json(operation);
            const auto finish = end;
            finish();
            answer.json(value);
        }
    });
    if (!watch) {
        responder.fail(watch.error());
        return;
    }
    waiting->watch = *watch;
    waiting->timer =
        context.loop.add_timer(loop::Loop::now() + wait, [&context, id, end, responder] {
            const Responder answer = responder;
            const auto finish = end;
            finish();
            answer_now(context, id, answer);
        });
    responder.when_gone(end);
}

}  // namespace

void list_operations(ApiContext& context, const ApiRequest& request, Responder responder) {
    QueryReader query(request.query);
    const auto name = query.text("vm");
    if (const auto finished = query.finish(); !finished) {
        responder.fail(finished.error());
        return;
    }
    std::optional<Guid> vm;
    if (name) {
        vm = context.supervisor.find(*name);
        if (!vm) {
            responder.fail(control::make_failure(control::ErrorCode::kNotFound,
                                                 "there is no such VM",
                                                 "hvis list shows all of them"));
            return;
        }
    }
    Json list = Json::array();
    for (const Operation* operation : context.operations.list(vm)) {
        list.push_back(to_json(*operation));
    }
    responder.json({{"operations", std::move(list)}});
}

void show_operation(ApiContext& context, const ApiRequest& request, Responder responder) {
    QueryReader query(request.query);
    const auto wait = query.integer("wait_ms", {.lowest = 0, .highest = kMaxWaitMs});
    if (const auto finished = query.finish(); !finished) {
        responder.fail(finished.error());
        return;
    }
    const auto id = operation_of(context, request, responder);
    if (!id) {
        return;
    }
    const bool running = context.operations.find(*id)->state == OperationState::kRunning;
    if (running && wait.value_or(0) > 0) {
        answer_later(context, *id, std::chrono::milliseconds(*wait), responder);
    } else {
        answer_now(context, *id, responder);
    }
}

void cancel_operation(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto id = operation_of(context, request, responder);
    if (!id) {
        return;
    }
    if (const auto cancelled = context.operations.cancel(*id); !cancelled) {
        responder.fail(409, cancelled.error());
        return;
    }
    answer_accepted(context, responder, *id);
}

}  // namespace hvis::manager
