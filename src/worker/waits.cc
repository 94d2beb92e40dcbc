#include "worker/waits.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hvis::worker {

Waits::Waits(loop::Loop& loop, Reached reached, Explain explain)
    : loop_(loop), later_(loop), reached_(std::move(reached)), explain_(std::move(explain)) {}

Waits::~Waits() {
    for (const auto& [id, wait] : waits_) {
        loop_.cancel_timer(wait.timer);
    }
}

void Waits::add(const control::WaitCommand& command, control::Responder responder) {
    const TimePoint now = loop::Loop::now();
    if (reached_(command.condition)) {
        responder.done(control::WaitResult{.condition = command.condition, .waited = {}});
        return;
    }
    const WaitId id = next_id_++;
    const auto timer = loop_.add_timer(now + command.timeout, [this, id] { expire(id); });
    // The responder is in the middle of this callback: forget it afterwards.
    responder.on_cancelled([this, id] { later_.run([this, id] { forget(id); }); });
    waits_.emplace(id, Wait{.condition = command.condition,
                            .responder = std::move(responder),
                            .started = now,
                            .timer = timer});
}

void Waits::check() {
    std::vector<WaitId> reached;
    for (const auto& [id, wait] : waits_) {
        if (wait.responder.wanted() && reached_(wait.condition)) {
            reached.push_back(id);
        }
    }
    for (const WaitId id : reached) {
        finish(id);
    }
}

void Waits::machine_stopped() {
    check();
    while (!waits_.empty()) {
        const WaitId id = waits_.begin()->first;
        waits_.begin()->second.responder.failed({.code = control::ErrorCode::kFailed,
                                                 .message = "the machine has stopped",
                                                 .hint = "see what happened with 'events'",
                                                 .pointer = {},
                                                 .outcome = {},
                                                 .guest_status = {}});
        forget(id);
    }
}

bool Waits::any_for(control::Condition condition) const {
    return std::ranges::any_of(
        waits_, [&](const auto& entry) { return entry.second.condition == condition; });
}

void Waits::finish(WaitId id) {
    Wait& wait = waits_.at(id);
    const auto waited =
        std::chrono::duration_cast<control::Milliseconds>(loop::Loop::now() - wait.started);
    wait.responder.done(control::WaitResult{.condition = wait.condition, .waited = waited});
    forget(id);
}

void Waits::expire(WaitId id) {
    Wait& wait = waits_.at(id);
    wait.responder.failed({.code = control::ErrorCode::kTimedOut,
                           .message = explain_(wait.condition),
                           .hint = "look at 'status'; a longer --timeout may help",
                           .pointer = {},
                           .outcome = {},
                           .guest_status = {}});
    forget(id);
}

void Waits::forget(WaitId id) {
    const auto found = waits_.find(id);
    if (found != waits_.end()) {
        loop_.cancel_timer(found->second.timer);
        waits_.erase(found);
    }
}

}  // namespace hvis::worker
