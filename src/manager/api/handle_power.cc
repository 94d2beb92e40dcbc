#include <nlohmann/json.hpp>

#include "manager/api/handlers.h"
#include "manager/api/worker_request.h"

namespace hvis::manager {
namespace {

using control::Json;

/// Lets the operation be cancelled by cancelling the supervisor's request behind it.
void cancel_with(ApiContext& context, Operations::Work& work, Supervisor::RequestId id) {
    work.on_cancel([&context, id] { context.supervisor.cancel(id); });
}

/// The command in the body, or nothing when the request was answered with what is wrong in it.
template <class Command>
std::optional<Command> read_command(const ApiRequest& request, const Responder& responder,
                                    std::string_view verb) {
    auto command = control::decode_command(verb, *request.body);
    if (!command) {
        responder.fail(command.error());
        return std::nullopt;
    }
    return std::get<Command>(*std::move(command));
}

void ask_machine(ApiContext& context, const ApiRequest& request, const Responder& responder,
                 std::string_view verb) {
    if (const auto vm = vm_of(context, request, responder)) {
        ask_worker(context, *vm, verb, *request.body, responder);
    }
}

void shut_down(ApiContext& context, const ApiRequest& request, const Responder& responder,
               std::string_view verb, std::string kind) {
    const auto vm = vm_of(context, request, responder);
    const auto command =
        vm ? read_command<control::ShutdownCommand>(request, responder, verb) : std::nullopt;
    if (!command) {
        return;
    }
    const auto work = begin_operation(context, request, responder, std::move(kind), *vm);
    if (work == nullptr) {
        return;
    }
    work->progress(std::nullopt, "waiting for the guest to shut down");
    const auto id = context.supervisor.shut_down(
        *vm, *command, [work](Result<void, Failure> result) { end_operation(*work, result); });
    cancel_with(context, *work, id);
    answer_accepted(context, responder, work->id());
}

}  // namespace

void start_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    const auto work = vm ? begin_operation(context, request, responder, "vm.start", *vm) : nullptr;
    if (work == nullptr) {
        return;
    }
    work->progress(std::nullopt, "starting the worker");
    context.supervisor.start(
        *vm, [work](Result<void, Failure> result) { end_operation(*work, result); });
    answer_accepted(context, responder, work->id());
}

void stop_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    shut_down(context, request, responder, "shutdown", "vm.stop");
}

void hibernate_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    shut_down(context, request, responder, "hibernate", "vm.hibernate");
}

void restart_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    const auto command =
        vm ? read_command<control::ShutdownCommand>(request, responder, "restart") : std::nullopt;
    const auto work =
        command ? begin_operation(context, request, responder, "vm.restart", *vm) : nullptr;
    if (work == nullptr) {
        return;
    }
    work->progress(std::nullopt, "waiting for the guest to restart");
    const auto id = context.supervisor.request(
        *vm, control::encode_command(*command),
        [work](Result<std::shared_ptr<const Json>, Failure> result) {
            end_operation(*work, result ? Result<void, Failure>()
                                        : Result<void, Failure>(std::unexpected(result.error())));
        });
    cancel_with(context, *work, id);
    answer_accepted(context, responder, work->id());
}

void power_off_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    const auto work =
        vm ? begin_operation(context, request, responder, "vm.power_off", *vm) : nullptr;
    if (work == nullptr) {
        return;
    }
    work->progress(std::nullopt, "cutting the power");
    context.supervisor.power_off(
        *vm, [work](Result<void, Failure> result) { end_operation(*work, result); });
    answer_accepted(context, responder, work->id());
}

void pause_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    ask_machine(context, request, responder, "pause");
}

void resume_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    ask_machine(context, request, responder, "resume");
}

void reset_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    ask_machine(context, request, responder, "reset");
}

void wait_for_vm(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto vm = vm_of(context, request, responder);
    const auto command =
        vm ? read_command<control::WaitCommand>(request, responder, "wait") : std::nullopt;
    const auto work =
        command ? begin_operation(context, request, responder, "vm.wait", *vm) : nullptr;
    if (work == nullptr) {
        return;
    }
    work->progress(std::nullopt, "waiting for " + std::string(to_string(command->condition)));
    const auto id = context.supervisor.wait(
        *vm, command->condition, command->timeout,
        [work](Result<void, Failure> result) { end_operation(*work, result); });
    cancel_with(context, *work, id);
    answer_accepted(context, responder, work->id());
}

}  // namespace hvis::manager
