#include <utility>

#include "manager/supervisor/supervisor_state.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;

}  // namespace

void Supervisor::start(const Guid& vm, Done done) {
    ManagedVm* machine = state_->vm(vm);
    if (machine == nullptr) {
        done(std::unexpected(no_such_vm()));
    } else if (state_->going_down) {
        done(std::unexpected(control::make_failure(
            ErrorCode::kUnavailable, "the host goes down: all guests are being shut down",
            "start it when 'host.stop_all' of 'hvis operation list' has ended, or with the host")));
    } else {
        machine->start(std::move(done));
    }
}

void Supervisor::power_off(const Guid& vm, Done done) {
    if (ManagedVm* machine = state_->vm(vm); machine != nullptr) {
        machine->power_off(std::move(done));
    } else {
        done(std::unexpected(no_such_vm()));
    }
}

Supervisor::RequestId Supervisor::shut_down(const Guid& vm, const control::ShutdownCommand& command,
                                            Done done) {
    const RequestId id = state_->next_request++;
    ManagedVm* machine = state_->vm(vm);
    if (machine == nullptr) {
        state_->later([done = std::move(done)] { done(std::unexpected(no_such_vm())); });
        return id;
    }
    state_->requests[id] = [] {};
    const uint64_t passed =
        machine->shut_down(command, [this, id, done = std::move(done)](auto outcome) {
            state_->requests.erase(id);
            done(std::move(outcome));
        });
    if (passed != 0 && state_->requests.contains(id)) {
        state_->requests[id] = [this, vm, passed] {
            if (ManagedVm* busy = state_->vm(vm); busy != nullptr) {
                busy->cancel(passed);
            }
        };
    }
    return id;
}

Supervisor::RequestId Supervisor::wait(const Guid& vm, control::Condition condition,
                                       control::Milliseconds timeout, Done done) {
    const RequestId id = state_->next_request++;
    ManagedVm* machine = state_->vm(vm);
    if (machine == nullptr) {
        state_->later([done = std::move(done)] { done(std::unexpected(no_such_vm())); });
        return id;
    }
    const uint64_t wait =
        machine->waits().add(condition, timeout, [this, id, done = std::move(done)](auto outcome) {
            state_->requests.erase(id);
            done(std::move(outcome));
        });
    state_->requests[id] = [this, vm, wait] {
        if (ManagedVm* busy = state_->vm(vm); busy != nullptr) {
            busy->waits().cancel(wait);
        }
    };
    return id;
}

Supervisor::RequestId Supervisor::request(const Guid& vm, const control::EncodedCommand& command,
                                          Answered answered) {
    return follow(vm, command, nullptr, std::move(answered));
}

Supervisor::RequestId Supervisor::follow(const Guid& vm, const control::EncodedCommand& command,
                                         Told told, Answered answered) {
    const RequestId id = state_->next_request++;
    if (state_->vm(vm) == nullptr) {
        state_->later(
            [answered = std::move(answered)] { answered(std::unexpected(no_such_vm())); });
        return id;
    }
    // What is refused at once is told at the next round, as every other answer is.
    auto immediate = std::make_shared<bool>(true);
    state_->requests[id] = [] {};
    const uint64_t passed = state_->vm(vm)->request(
        command, std::move(told),
        [this, id, immediate, answered = std::move(answered)](auto reply) {
            state_->requests.erase(id);
            if (*immediate) {
                state_->later([answered, reply = std::move(reply)] { answered(reply); });
            } else {
                answered(std::move(reply));
            }
        });
    *immediate = false;
    if (passed != 0 && state_->requests.contains(id)) {
        state_->requests[id] = [this, vm, passed] {
            if (ManagedVm* busy = state_->vm(vm); busy != nullptr) {
                busy->cancel(passed);
            }
        };
    }
    return id;
}

void Supervisor::cancel(RequestId id) {
    if (const auto found = state_->requests.find(id); found != state_->requests.end()) {
        const auto cancel = found->second;
        cancel();
    }
}

void Supervisor::set_service(const Guid& vm, control::Service service, bool enabled,
                             std::function<void(Result<std::string, Failure>)> done) {
    if (ManagedVm* machine = state_->vm(vm); machine != nullptr) {
        machine->set_service(service, enabled, std::move(done));
    } else {
        done(std::unexpected(no_such_vm()));
    }
}

}  // namespace hvis::manager
