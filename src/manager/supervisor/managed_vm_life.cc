#include <csignal>
#include <utility>

#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <unistd.h>

#include "manager/definition/worker_config.h"
#include "manager/supervisor/managed_vm.h"

namespace hvis::manager {

using control::EventId;
using control::LinkEnd;

void ManagedVm::adopt(std::function<void(bool)> decided) {
    if (phase_ != Phase::kStopped) {
        decided(true);
        return;
    }
    decided_ = std::move(decided);
    if (run_ || wanted_) {
        // It may run: until that is known nobody may start, delete or take it for stopped.
        phase_ = Phase::kConnecting;
    }
    const auto looked = [this, left = phase_](bool lives) { found(lives, left); };
    context_.launcher.find(order(), alive(looked));
}

void ManagedVm::found(bool lives, Phase left) {
    if (left == Phase::kStopped && phase_ != left) {
        // It was started in the meantime: launched() tells whether a worker was there.
        if (const auto decided = std::exchange(decided_, nullptr)) {
            decided(lives);
        }
        return;
    }
    if (lives || ::access(files_.control.c_str(), F_OK) == 0) {
        adopting_ = true;
        known_to_live_ = lives;
        waits_.starting();
        connect_until_ = loop::Loop::now() + timings().greet;
        set_phase(Phase::kConnecting);
        connect();
        return;
    }
    const auto decided = std::exchange(decided_, nullptr);
    phase_ = Phase::kStopped;
    stop_asked_ = false;
    cut_asked_ = false;
    changed();
    answer_stops({});
    if (!wanted_) {
        answer_starts(std::unexpected(
            control::make_failure(control::ErrorCode::kFailed,
                                  "the VM was stopped before it was started", "start it again")));
    } else if (!starts_.empty()) {
        launch();
    }
    decided(false);
}

void ManagedVm::launch() {
    explanation_.clear();
    status_.reset();
    exit_ = {};
    end_.reset();
    process_.reset();
    unreachable_ = false;
    adopting_ = false;
    reached_ = false;
    own_process_ = true;
    waits_.starting();
    set_phase(Phase::kLaunching);
    auto prepared = prepare(files_);
    if (prepared) {
        ::unlink(files_.last_words.c_str());
        put_log_aside(files_);
        log_begins_ = end_of(files_.worker_log);
        prepared =
            write_whole(files_.config, control::dump_json_indented(worker_config(
                                           definition_,
                                           {.external = pairs_.of(control::Pool::kExternal),
                                            .parameters = pairs_.of(control::Pool::kParameters)},
                                           {.control = files_.control,
                                            .serial_socket = files_.serial_socket,
                                            .last_words = files_.last_words})));
    }
    if (!prepared) {
        launched(std::unexpected(prepared.error()));
        return;
    }
    context_.launcher.launch(order(), alive([this](Result<WorkerProcess, Failure> process) {
                                 launched(std::move(process));
                             }));
}

void ManagedVm::launched(Result<WorkerProcess, Failure> process) {
    if (!process && process.error().code == control::ErrorCode::kUnavailable) {
        // It runs already, though nobody had found it.
        known_to_live_ = true;
        adopting_ = true;
        connect_until_ = loop::Loop::now() + timings().greet;
        set_phase(Phase::kConnecting);
        connect();
        return;
    }
    if (!process && ::access(files_.last_words.c_str(), F_OK) == 0) {
        worker_gone();  // it ran, and ended before the launcher had hold of it
        return;
    }
    if (!process) {
        // What somebody has to set right first is not tried again.
        const bool in_vain = process.error().code == control::ErrorCode::kUsage;
        ended({.kind = in_vain ? Ending::Kind::kRefused : Ending::Kind::kFailed,
               .why = "it could not be started: " + process.error().message +
                      (in_vain ? "; " + process.error().hint : ""),
               .ran_for = {}},
              std::nullopt);
        return;
    }
    process_ = *std::move(process);
    connect_until_ = loop::Loop::now() + timings().greet;
    set_phase(Phase::kConnecting);
    watch_process();
    if (cut_asked_) {
        kill_worker();
    }
    connect_after(timings().reconnect);
}

void ManagedVm::watch_process() {
    process_watched_ =
        context_.loop.watch(process_->fd(), EPOLLIN, [this](uint32_t) { process_ended(); })
            .has_value();
}

void ManagedVm::process_ended() {
    context_.loop.unwatch(process_->fd());
    process_watched_ = false;
    exit_ = process_->exit();
    known_to_live_ = false;
    // A connection that stands still holds what the worker said last: its end comes after that.
    // Where there is none, another worker may have been there first: one more attempt tells.
    if (session_ == nullptr || !session_->greeted()) {
        connect();
    }
}

void ManagedVm::connect() {
    context_.loop.cancel_timer(std::exchange(timer_, 0));
    settings_.reset();
    session_ = std::make_unique<WorkerSession>(
        context_.loop, context_.log, subject(), files_.control, timings(),
        WorkerSession::Callbacks{
            .greeted = [this](const WorkerSession::Peer& peer) { greeted(peer); },
            .status = [this](auto status) { status_received(std::move(status)); },
            .silent =
                [this](bool silent, Duration so_long) {
                    if (silent) {
                        unreachable("no answer for " +
                                    std::to_string(so_long / std::chrono::milliseconds(1)) + " ms");
                    } else {
                        unreachable_ = false;
                        explanation_.clear();
                        context_.log.record(
                            EventId::kWorkerReachable, subject(),
                            {{"silent_ms",
                              std::to_string(so_long / std::chrono::milliseconds(1))}});
                        changed();
                    }
                },
            .ended = [this](const LinkEnd& end) { session_ended(end); }});
    if (cut_asked_ && !process_) {
        kill_worker();
    }
}

void ManagedVm::connect_after(Duration delay) {
    context_.loop.cancel_timer(timer_);
    timer_ = context_.loop.add_timer(loop::Loop::now() + delay, [this] {
        timer_ = 0;
        connect();
    });
}

void ManagedVm::greeted(const WorkerSession::Peer& peer) {
    context_.loop.cancel_timer(std::exchange(timer_, 0));
    const bool same_worker = reached_ && run_ == peer.run;
    run_ = peer.run;
    reached_ = true;
    own_process_ = peer.own_process || process_.has_value();
    if (peer.own_process && (!process_ || process_->pid() != peer.pid)) {
        if (process_watched_) {
            context_.loop.unwatch(process_->fd());
            process_watched_ = false;
        }
        process_.reset();
        // An old hvisd's child, or one that was there before ours. It lives: it has just answered.
        if (auto process = WorkerProcess::other(peer.pid)) {
            process_ = *std::move(process);
            watch_process();
            adopting_ = true;
        }
    }
    if (!same_worker) {
        running_since_ = loop::Loop::now();
        context_.log.record(adopting_ ? EventId::kWorkerAdopted : EventId::kWorkerStarted,
                            subject(),
                            {{"pid", std::to_string(peer.pid)}, {"run", peer.run.to_string()}});
    }
    unreachable_ = false;
    explanation_.clear();
    known_to_live_ = false;
    adopting_ = false;
    end_.reset();
    settings_ =
        std::make_unique<LiveSettings>(context_.log, subject(), definition_, pairs_, timings(),
                                       session_->link(), context_.loop, [this] { changed(); });
    settings_->begin();
    settle_doubt();
    set_phase(Phase::kRunning);
    waits_.running(session_->link());
    refresh_notes();
    if (cut_asked_) {
        kill_worker();
    }
    if (decided_) {
        std::exchange(decided_, nullptr)(true);
    }
}

void ManagedVm::status_received(std::shared_ptr<const control::Json> status) {
    status_ = std::move(status);
    status_at_ = loop::Loop::now();
    if (put_log_aside(files_)) {
        log_begins_ = 0;
    }
    settings_->status(*status_);
    changed();
    answer_notes();
    const std::string now = state();
    if (now == "running" || now == "paused") {
        answer_starts({});
    }
}

void ManagedVm::unreachable(const std::string& why) {
    explanation_ = "the worker lives, but does not answer: " + why;
    if (!std::exchange(unreachable_, true)) {
        context_.log.record(EventId::kWorkerUnreachable, subject(), {{"why", why}});
    }
    changed();
    if (decided_) {
        std::exchange(decided_, nullptr)(true);
    }
}

void ManagedVm::session_ended(const LinkEnd& end) {
    const bool was_running = phase_ == Phase::kRunning;
    settings_.reset();
    session_.reset();
    waits_.not_running();
    if (!was_running) {
        could_not_connect(end);
        return;
    }
    // The worker has ended, or has dropped us: whoever listens on the socket now tells which.
    connect_until_ = loop::Loop::now() + timings().greet;
    phase_ = Phase::kConnecting;
    connect_after(process_ && !process_watched_ ? Duration() : timings().reconnect);
}

void ManagedVm::could_not_connect(const LinkEnd& end) {
    const bool nobody = end.reason == LinkEnd::Reason::kNobodyThere;
    const bool process_lives = (process_ && process_watched_) || known_to_live_;
    if (nobody && !process_lives) {
        const auto decided = std::exchange(decided_, nullptr);
        if (decided && !cut_asked_) {
            waits_.stopped();
            set_phase(Phase::kStopped);
        } else {
            worker_gone();
        }
        if (decided) {
            decided(false);
        }
        return;
    }
    if (known_to_live_) {
        context_.launcher.find(order(), alive([this](bool lives) { known_to_live_ = lives; }));
    }
    const bool patient = nobody || end.reason == LinkEnd::Reason::kHungUp;
    if (patient && loop::Loop::now() < connect_until_) {
        connect_after(timings().reconnect);
        return;
    }
    unreachable(end.text);
    connect_after(timings().reconnect_slowly);
}

}  // namespace hvis::manager
