#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/log.h"
#include "manager/definition/missing_files.h"
#include "manager/supervisor/managed_vm.h"

namespace hvis::manager {

using control::EventId;

namespace {

constexpr std::string_view kRefusal = "the worker refuses its configuration: ";

Ending ending_of(const LastWords& words) {
    Ending ending;
    switch (words.state) {
        case LastWords::State::kStopped:
            ending.kind = Ending::Kind::kStopped;
            break;
        case LastWords::State::kCrashed:
            ending.kind = Ending::Kind::kCrashed;
            break;
        case LastWords::State::kFailed:
            ending.kind = words.exit_status == kWorkerRefused ? Ending::Kind::kRefused
                                                              : Ending::Kind::kFailed;
            break;
    }
    ending.why = words.reason.empty() ? std::string(state_after(ending.kind)) : words.reason;
    if (ending.kind == Ending::Kind::kRefused) {
        ending.why.insert(0, kRefusal);
    }
    return ending;
}

}  // namespace

void ManagedVm::worker_gone() {
    set_phase(Phase::kEnding);
    take_last_words();
}

void ManagedVm::settle() {
    if (phase_ != Phase::kStopped) {
        return;
    }
    if (::access(files_.last_words.c_str(), F_OK) == 0) {
        worker_gone();
        return;
    }
    settle_without_words();
}

void ManagedVm::settle_without_words() {
    if (!wanted_) {
        return;
    }
    if (end_ && end_->run == run_) {
        // Judged already: hvisd ended while the VM waited for its restart.
        wait_to_restart(restart_delay(definition_.restart, attempts_), attempts_);
    } else {
        set_phase(Phase::kEnding);
        judge_end(std::nullopt);
    }
}

void ManagedVm::take_last_words() {
    auto words = read_last_words(files_.last_words);
    if (!words) {
        log(LogLevel::kWarning, "manager", words.error().message);
        words = std::nullopt;
    }
    // Those of a worker that found another one at work are of no interest.
    const bool ours = *words && (!reached_ || (*words)->run == run_);
    if (*words && !ours) {
        *words = std::nullopt;
    }
    if (*words && (!take_events(**words) || !context_.log.flush())) {
        timer_ = context_.loop.add_timer(loop::Loop::now() + timings().retry_store, [this] {
            timer_ = 0;
            take_last_words();
        });
        return;
    }
    const bool judged = *words && end_ && end_->run == (*words)->run;
    if (judged) {
        // hvisd ended between keeping the judgement and removing the file, or could not remove it.
        ::unlink(files_.last_words.c_str());
        stop_asked_ = false;
        cut_asked_ = false;
        shutdown_in_doubt_.reset();
        rest();
        settle_without_words();
        return;
    }
    if (*words) {
        run_ = (*words)->run;
    }
    judge_end(*words);
}

bool ManagedVm::take_events(const LastWords& words) {
    return std::ranges::all_of(words.events, [&](const control::Json& event) {
        return context_.log.take(subject(), words.run, event);
    });
}

void ManagedVm::judge_end(const std::optional<LastWords>& words) {
    Ending ending = words ? ending_of(*words) : ending_without_words();
    if (running_since_ != TimePoint()) {
        ending.ran_for = loop::Loop::now() - std::exchange(running_since_, TimePoint());
    }
    if (stop_asked_ || !wanted_) {
        // Whichever way it went, it is what was wanted, unless the guest itself has crashed.
        if (ending.kind == Ending::Kind::kFailed) {
            ending.kind = Ending::Kind::kStopped;
            ending.why = "as was asked (" + ending.why + ")";
        }
    }
    // A worker that was launched and never reached is no life of the last one that was.
    const bool launched = process_.has_value() && !reached_;
    ended(std::move(ending), words || !launched ? run_ : std::nullopt);
}

Ending ManagedVm::ending_without_words() const {
    const std::string exit = exit_.text();
    if (exit.empty()) {
        return {.why = "it left no word: it was killed, or the host went down"};
    }
    const std::string said = last_line(files_.worker_log, log_begins_);
    if (exit_.status == kWorkerRefused && !said.empty()) {
        return {.kind = Ending::Kind::kRefused, .why = std::string(kRefusal) + said};
    }
    return {.kind = exit_.status == kWorkerRefused ? Ending::Kind::kRefused : Ending::Kind::kFailed,
            .why = exit + "; look into " + files_.worker_log};
}

void ManagedVm::ended(Ending ending, const std::optional<Guid>& run) {
    if (ending.kind == Ending::Kind::kFailed || ending.kind == Ending::Kind::kRefused) {
        // The worker's own words do not name the file.
        for (const std::string& missing : missing_files(definition_)) {
            ending.why += "; " + missing;
        }
    }
    const bool failed = ending.kind != Ending::Kind::kStopped;
    const EventId id = failed ? EventId::kWorkerFailed : EventId::kWorkerEnded;
    if (run) {
        context_.log.record_end(id, subject(), *run, {{"why", ending.why}});
    } else {
        context_.log.record(id, subject(), {{"why", ending.why}});
    }
    const Verdict verdict =
        wanted_ && !stop_asked_ ? judge(definition_.restart, ending, attempts_) : Verdict();
    const auto starts = std::exchange(starts_, {});
    context_.loop.cancel_timer(std::exchange(start_timer_, 0));
    end_ = KeptEnd{.run = run_, .kind = ending.kind, .why = ending.why};
    explanation_.clear();
    status_.reset();
    process_.reset();
    known_to_live_ = false;
    unreachable_ = false;
    stop_asked_ = false;
    cut_asked_ = false;
    shutdown_in_doubt_.reset();
    // What the store knows of this life is what tells, after a restart of hvisd, that it is judged.
    if (const auto flushed = context_.log.flush(); !flushed) {
        log(LogLevel::kError, "manager", definition_.name + ": " + flushed.error().message);
    }
    // The wish first: an end that is not marked as judged is judged again, not forgotten.
    auto kept = change_wish(verdict.restart_in.has_value(), verdict.attempts);
    if (kept) {
        kept = save_end(context_.store, definition_.id, *end_);
    }
    if (kept) {
        ::unlink(files_.last_words.c_str());
    } else {
        log(LogLevel::kError, "manager", definition_.name + ": " + kept.error().message);
    }
    if (verdict.given_up) {
        context_.log.record(EventId::kRestartGivenUp, subject(),
                            {{"attempts", std::to_string(verdict.attempts)}, {"why", ending.why}});
        explanation_ = "not started again after " + std::to_string(verdict.attempts) +
                       " attempts: " + ending.why;
    }
    if (verdict.restart_in) {
        context_.log.record(
            EventId::kRestartScheduled, subject(),
            {{"delay_ms", std::to_string(*verdict.restart_in / std::chrono::milliseconds(1))},
             {"attempt", std::to_string(verdict.attempts)},
             {"attempts", std::to_string(definition_.restart.attempts)}});
        wait_to_restart(*verdict.restart_in, verdict.attempts);
    } else {
        rest();
    }
    std::string hint = "look at its events and at " + files_.worker_log;
    if (verdict.restart_in) {
        hint += "; it is tried again in " +
                std::to_string(*verdict.restart_in / std::chrono::milliseconds(1)) +
                " ms, attempt " + std::to_string(verdict.attempts) + " of " +
                std::to_string(definition_.restart.attempts) + ": 'hvis stop " + definition_.name +
                "' ends that";
    }
    for (const Done& done : starts) {
        done(std::unexpected(control::make_failure(control::ErrorCode::kFailed,
                                                   "the VM did not start: " + ending.why, hint)));
    }
}

void ManagedVm::rest() {
    set_phase(Phase::kStopped);
    waits_.stopped();
    answer_stops({});
}

void ManagedVm::wait_to_restart(Duration delay, uint32_t attempt) {
    explanation_ = "started again in " + std::to_string(delay / std::chrono::milliseconds(1)) +
                   " ms, attempt " + std::to_string(attempt) + " of " +
                   std::to_string(definition_.restart.attempts) +
                   (end_ ? ": " + end_->why : std::string());
    context_.loop.cancel_timer(timer_);
    timer_ = context_.loop.add_timer(loop::Loop::now() + delay, [this] {
        timer_ = 0;
        launch();
    });
    set_phase(Phase::kWaiting);
}

}  // namespace hvis::manager
