#include "manager/supervisor/managed_vm.h"

#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Json;

}  // namespace

ManagedVm::ManagedVm(VmContext& context, VmRecord record, std::vector<HeldPair> pairs,
                     std::optional<KeptEnd> end)
    : context_(context),
      definition_(std::move(record.definition)),
      files_(VmFiles::of(definition_.id, context.config.runtime_directory,
                         context.config.state_directory)),
      pairs_(context.store, definition_.id, std::move(pairs)),
      wanted_(record.wanted_running),
      attempts_(record.restart_attempts),
      run_(record.run),
      end_(std::move(end)),
      waits_(context.loop, context.config.timings, [this](std::function<void()> then) {
          refresh_status([then = std::move(then)](bool) { then(); });
      }) {}

ManagedVm::~ManagedVm() {
    context_.loop.cancel_timer(timer_);
    context_.loop.cancel_timer(start_timer_);
    context_.loop.cancel_timer(cut_timer_);
    for (const auto& [id, note] : notes_) {
        context_.loop.cancel_timer(note.timer);
    }
    if (process_watched_) {
        context_.loop.unwatch(process_->fd());
    }
}

std::string ManagedVm::state() const {
    switch (phase_) {
        case Phase::kStopped:
            return end_ ? std::string(state_after(end_->kind)) : "stopped";
        case Phase::kWaiting:
        case Phase::kLaunching:
            return "starting";
        case Phase::kConnecting:
        case Phase::kRunning: {
            if (unreachable_) {
                return "unreachable";
            }
            if (stop_asked_) {
                return "stopping";
            }
            const auto state = status_ != nullptr ? status_->find("state") : Json::const_iterator();
            return status_ != nullptr && state != status_->end() && state->is_string()
                       ? state->get<std::string>()
                       : "starting";
        }
        case Phase::kEnding:
            return "stopping";
    }
    return "stopped";
}

VmSummary ManagedVm::summary() const {
    VmSummary summary{.definition = definition_,
                      .state = state(),
                      .explanation = explanation_,
                      .status = status_,
                      .status_at = status_at_,
                      .since = since_,
                      .pairs_settled = settings_ != nullptr && settings_->pairs_settled()};
    const bool ended_badly = end_ && end_->kind != Ending::Kind::kStopped;
    if (phase_ == Phase::kStopped && explanation_.empty() && ended_badly) {
        summary.explanation = end_->why;
    }
    return summary;
}

void ManagedVm::set_phase(Phase phase) {
    phase_ = phase;
    since_ = WallTime::from_system(std::chrono::system_clock::now());
    changed();
}

void ManagedVm::changed() { context_.changed(definition_.id); }

Result<void, Failure> ManagedVm::save_wish(bool wanted, uint32_t attempts) {
    if (wanted != wanted_ || attempts != attempts_ || !wish_is_saved_) {
        HVIS_CHECK(context_.store.save_wish(definition_.id, wanted, attempts));
        wanted_ = wanted;
        attempts_ = attempts;
        wish_is_saved_ = true;
    }
    return {};
}

Result<void, Failure> ManagedVm::change_wish(bool wanted, uint32_t attempts) {
    auto saved = save_wish(wanted, attempts);
    if (!saved) {
        wanted_ = wanted;
        attempts_ = attempts;
        wish_is_saved_ = false;
    }
    return saved;
}

Launcher::Order ManagedVm::order() const {
    return {.vm = definition_.id,
            .vm_name = definition_.name,
            .program = context_.config.worker,
            .files = files_};
}

control::Link* ManagedVm::live_link() const {
    return phase_ == Phase::kRunning && session_ != nullptr ? &session_->link() : nullptr;
}

void ManagedVm::answer_starts(Result<void, Failure> outcome) {
    context_.loop.cancel_timer(std::exchange(start_timer_, 0));
    for (const Done& done : std::exchange(starts_, {})) {
        done(outcome);
    }
}

void ManagedVm::answer_stops(const Result<void, Failure>& outcome) {
    context_.loop.cancel_timer(std::exchange(cut_timer_, 0));
    for (const Done& done : std::exchange(stops_, {})) {
        done(outcome);
    }
}

void ManagedVm::start(Done done) {
    const std::string now = state();
    // The worker's word comes before the answer to whoever asked the guest, and before its end.
    const bool on_its_way_down = now == "stopping" || now == "stopped" || now == "crashed";
    if (phase_ == Phase::kEnding || stop_asked_ || (phase_ == Phase::kRunning && on_its_way_down)) {
        done(std::unexpected(control::make_failure(ErrorCode::kUnavailable, "the VM is stopping",
                                                   "wait for 'stopped', then start it")));
        return;
    }
    if (unreachable_) {
        done(std::unexpected(control::make_failure(
            ErrorCode::kUnavailable, explanation_,
            cut_power_hint(definition_.name) + "; then: hvis start " + definition_.name)));
        return;
    }
    if (const auto saved = save_wish(true, 0); !saved) {
        done(saved);
        return;
    }
    if (phase_ == Phase::kRunning && now != "starting") {
        done({});
        return;
    }
    starts_.push_back(std::move(done));
    context_.loop.cancel_timer(start_timer_);
    start_timer_ = context_.loop.add_timer(loop::Loop::now() + timings().start, [this] {
        start_timer_ = 0;
        answer_starts(std::unexpected(
            control::make_failure(ErrorCode::kTimedOut, "the VM does not run yet",
                                  "look at its status and at " + files_.worker_log)));
    });
    if (phase_ == Phase::kStopped || phase_ == Phase::kWaiting) {
        context_.loop.cancel_timer(std::exchange(timer_, 0));
        launch();
    }
}

Result<void, Failure> ManagedVm::erase() {
    HVIS_CHECK(remove_all(files_));
    HVIS_CHECK(forget_end(context_.store, definition_.id));
    HVIS_CHECK(forget_gone_pairs(context_.store, definition_.id));
    HVIS_CHECK(context_.store.remove_vm(definition_.id));
    context_.log.forget(definition_.id);
    return {};
}

}  // namespace hvis::manager
