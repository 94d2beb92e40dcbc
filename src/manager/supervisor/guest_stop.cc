#include "manager/supervisor/guest_stop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "manager/supervisor/live_settings.h"

namespace hvis::manager {

using control::EventId;
using control::Json;

GuestStop::GuestStop(VmContext& context, FindVm vm, std::function<void()> through)
    : context_(context), vm_(std::move(vm)), through_(std::move(through)) {}

GuestStop::~GuestStop() {
    context_.loop.cancel_timer(ask_timer_);
    context_.loop.cancel_timer(deadline_timer_);
}

void GuestStop::begin() {
    const TimePoint now = loop::Loop::now();
    deadline_ = now;
    if (const ManagedVm* machine = vm_(); machine != nullptr) {
        deadline_ += machine->definition().autostart.stop_timeout;
    }
    deadline_timer_ = context_.loop.add_timer(deadline_, [this] {
        deadline_timer_ = 0;
        too_slow();
    });
    ask(now);
}

GuestStop::Sight GuestStop::look(const ManagedVm& vm) {
    Sight sight{.phase = vm.phase(), .state = vm.state(), .service = {}};
    const Json* status = vm.status();
    const Json* service =
        status == nullptr ? nullptr : service_in(*status, control::Service::kShutdown);
    if (service != nullptr && service->contains("primary") && service->at("primary").is_string()) {
        sight.service = service->at("primary").get<std::string>();
    }
    return sight;
}

void GuestStop::changed() {
    const ManagedVm* machine = vm_();
    if (ask_timer_ != 0 && (machine == nullptr || look(*machine) != seen_)) {
        // Not from within the VM that is on its way to another state.
        ask_at(loop::Loop::now());
    }
}

void GuestStop::ask_at(TimePoint when) {
    context_.loop.cancel_timer(ask_timer_);
    ask_timer_ = context_.loop.add_timer(when, [this] {
        ask_timer_ = 0;
        ask(loop::Loop::now());
    });
}

void GuestStop::ask(TimePoint now) {
    const ManagedVm* machine = vm_();
    if (machine == nullptr || machine->at_rest()) {
        finish();
        return;
    }
    seen_ = look(*machine);
    if (seen_.state == "paused") {
        resume();
    } else {
        shut_down(now);
    }
}

void GuestStop::resume() {
    (void)vm_()->request(control::encode_command(control::MachineCommand{
                             .action = control::MachineCommand::Action::kResume}),
                         nullptr, alive([this](const auto& resumed) {
                             if (resumed) {
                                 shut_down(loop::Loop::now());
                             } else {
                                 not_yet(resumed.error());
                             }
                         }));
}

void GuestStop::shut_down(TimePoint now) {
    ManagedVm* machine = vm_();
    if (cut_ || machine == nullptr) {
        return;
    }
    const auto left = std::chrono::ceil<control::Milliseconds>(deadline_ - now);
    const control::ShutdownCommand command{.action = control::ShutdownCommand::Action::kShutdown,
                                           .force = true,
                                           .reason = 0,
                                           .message = "the host goes down",
                                           .timeout = std::max(left, control::Milliseconds(1))};
    (void)machine->shut_down(command, alive([this](const auto& stopped) {
                                 if (!stopped) {
                                     not_yet(stopped.error());
                                 } else if (!cut_) {
                                     finish();
                                 }
                             }));
}

void GuestStop::not_yet(const Failure& failure) {
    // Another stop is under way, the service or the worker is not there yet, the guest refuses: all
    // of it may pass until the deadline.
    if (!cut_) {
        why_ = failure.message;
        ask_at(loop::Loop::now() + context_.config.timings.ask_again);
    }
}

void GuestStop::too_slow() {
    cut_ = true;
    context_.loop.cancel_timer(std::exchange(ask_timer_, 0));
    ManagedVm* machine = vm_();
    if (machine == nullptr || machine->at_rest()) {
        finish();
        return;
    }
    const std::string name = machine->definition().name;
    context_.log.record(EventId::kGuestTooSlow, {machine->definition().id, name},
                        {{"why", why_.empty() ? "it is not down in time" : why_}});
    machine->power_off(alive([this, name](const Result<void, Failure>& off) {
        if (!off) {
            log(LogLevel::kError, "manager",
                name + " could not be stopped with the host: " + off.error().message);
        }
        finish();
    }));
}

void GuestStop::finish() {
    context_.loop.cancel_timer(std::exchange(ask_timer_, 0));
    context_.loop.cancel_timer(std::exchange(deadline_timer_, 0));
    if (const auto through = std::exchange(through_, nullptr)) {
        through();
    }
}

}  // namespace hvis::manager
