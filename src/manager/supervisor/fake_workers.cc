#include "manager/supervisor/fake_workers.h"

#include <chrono>
#include <csignal>
#include <fstream>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

using control::Json;

WallTime now() { return WallTime::from_system(std::chrono::system_clock::now()); }

pid_t child(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t pid = 0;
    EXPECT_EQ(::posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ), 0);
    return pid;
}

std::string made_up_run() {
    static uint32_t count = 0;
    std::string text = std::to_string(++count);
    return "00000000-0000-4000-8000-" + std::string(12 - text.size(), '0') + text;
}

}  // namespace

FakeVm::FakeVm(loop::Loop& loop, Launcher::Order order)
    : run(made_up_run()),
      loop_(loop),
      order_(std::move(order)),
      pid_(child({"/bin/sleep", "1000"})) {
    listen();
    log_.record(control::EventId::kVmStarted, {}, now());
}

void FakeVm::listen() {
    auto server = control::Server::listen(
        loop_, log_, order_.files.control,
        {.program = "fake",
         .version = "1",
         .name = order_.vm_name,
         .id = order_.vm.to_string(),
         .run = run},
        [this](const control::Command& command, control::Responder responder) {
            handle(command, std::move(responder));
        });
    EXPECT_TRUE(server);
    server_ = *std::move(server);
    server_->publish_status([this] { return status(); });
}

void FakeVm::drop_connections() {
    server_.reset();  // First: requests that are dropped before it are answered.
    kept_.clear();
    watch.reset();
    listen();
}

FakeVm::~FakeVm() { die(); }

void FakeVm::die() {
    loop_.cancel_timer(std::exchange(timer_, 0));
    server_.reset();
    kept_.clear();
    watch.reset();
    hangs_ = false;
    if (pid_ != 0) {
        ::kill(std::exchange(pid_, 0), SIGKILL);
    }
}

void FakeVm::exit(int status) {
    die();
    pid_ = child({"/bin/sh", "-c", "exit " + std::to_string(status)});
}

void FakeVm::end(const std::string& state, const std::string& reason) {
    log_.record(control::EventId::kVmStopped, {{"reason", reason}}, now());
    Json events = Json::array();
    for (const control::Event& event : log_.since(0, control::EventLog::kCapacity)) {
        events.push_back(control::to_json(event));
    }
    const Json words = {{"run", run},
                        {"ended", "2026-01-01T00:00:00.000Z"},
                        {"state", state},
                        {"reason", reason},
                        {"exit_status", 0},
                        {"events", std::move(events)},
                        {"next", log_.next_sequence()}};
    EXPECT_TRUE(write_whole(order_.files.last_words, control::dump_json(words)));
    die();
}

void FakeVm::stop_soon() {
    timer_ = loop_.add_timer(loop::Loop::now(), [this] {
        timer_ = 0;
        end("stopped", "power off");
    });
}

void FakeVm::record(int count) {
    for (int number = 0; number < count; ++number) {
        log_.record(control::EventId::kVmPaused, {}, now());
    }
}

void FakeVm::set_state(std::string state) {
    state_ = std::move(state);
    server_->status_changed();
}

void FakeVm::set_kvp(bool ok) {
    kvp_ok_ = ok;
    server_->status_changed();
}

control::StatusResult FakeVm::status() const {
    control::StatusResult status;
    status.name = order_.vm_name;
    status.id = order_.vm.to_string();
    status.state = state_;
    for (size_t index = 0; index < control::kServiceWords.size(); ++index) {
        const auto service = static_cast<control::Service>(index);
        const bool enabled = !disabled.contains(service);
        const bool ok = enabled && state_ != "paused" && !away_.contains(service) &&
                        (service != control::Service::kKvp || kvp_ok_);
        const std::string ok_word =
            service == control::Service::kKvp && kvp_degraded ? "degraded" : "ok";
        status.services.push_back({.service = service,
                                   .enabled = enabled,
                                   .primary = ok                   ? ok_word
                                              : !enabled           ? "disabled"
                                              : state_ == "paused" ? "paused"
                                                                   : "no_contact",
                                   .secondary = "ok",
                                   .framework = {},
                                   .message = {},
                                   .since = {},
                                   .explanation = ok ? "" : kvp_explanation,
                                   .applications = {}});
    }
    return status;
}

void FakeVm::handle(const control::Command& command, control::Responder responder) {
    verbs.push_back(control::encode_command(command).verb);
    if (mute) {
        kept_.push_back(std::move(responder));
        return;
    }
    const bool shut_off = state_ == "paused" || disabled.contains(control::Service::kKvp);
    if ((shut_off || unavailable_kvp) && verbs.back().starts_with("kvp.") &&
        verbs.back() != "kvp.watch") {
        responder.failed(control::make_failure(control::ErrorCode::kUnavailable,
                                               shut_off ? "shut off" : kvp_explanation));
    } else if (const auto* machine = std::get_if<control::MachineCommand>(&command)) {
        responder.done();
        if (machine->action == control::MachineCommand::Action::kPowerOff) {
            stop_soon();
        } else if (machine->action == control::MachineCommand::Action::kResume) {
            set_state("running");
        } else if (machine->action == control::MachineCommand::Action::kPause) {
            set_state("paused");
        }
    } else if (const auto* shutdown = std::get_if<control::ShutdownCommand>(&command)) {
        shutdown_timeout = shutdown->timeout;
        if (refuse_shutdown) {
            responder.failed(control::make_failure(control::ErrorCode::kFailed, "refused"));
        } else if (disabled.contains(control::Service::kShutdown)) {
            responder.failed(control::make_failure(control::ErrorCode::kUnavailable,
                                                   "the guest is not connected"));
        } else if (shutdown_in_progress) {
            responder.failed(control::make_failure(control::ErrorCode::kFailed,
                                                   "a shutdown is already in progress"));
        } else if (ignore_shutdown || state_ == "paused") {
            kept_.push_back(std::move(responder));
        } else {
            responder.done();
            stop_soon();
        }
    } else if (std::holds_alternative<control::StatusCommand>(command)) {
        responder.done(status());
    } else if (const auto* set = std::get_if<control::KvpSetCommand>(&command)) {
        if (bad_keys.contains(set->key)) {
            responder.failed(control::make_failure(control::ErrorCode::kFailed, "no room"));
            return;
        }
        external[set->key] = set->value;
        responder.done();
    } else if (const auto* gone = std::get_if<control::KvpDeleteCommand>(&command)) {
        if (external.erase(gone->key) != 0) {
            responder.done();
        } else {
            responder.failed(control::make_failure(control::ErrorCode::kNotFound, "no such key"));
        }
    } else if (const auto* list = std::get_if<control::KvpListCommand>(&command)) {
        if (failing_lists > 0) {
            --failing_lists;
            responder.failed(control::make_failure(control::ErrorCode::kTimedOut, "no answer"));
            return;
        }
        control::KvpResult result{.pool = list->pool, .pairs = {}};
        for (const auto& [key, value] : external) {
            result.pairs.push_back({.key = key, .value = value});
        }
        responder.done(result);
    } else if (const auto* tick = std::get_if<control::ServiceSwitchCommand>(&command)) {
        tick->enable ? (void)disabled.erase(tick->service) : (void)disabled.insert(tick->service);
        if (!tick->enable && !come_back) {
            away_.insert(tick->service);
        }
        responder.done();
        server_->status_changed();
    } else if (std::holds_alternative<control::HeartbeatShowCommand>(command)) {
        control::HeartbeatResult result;
        result.policy = heartbeat;
        responder.done(result);
    } else if (const auto* policy = std::get_if<control::HeartbeatSetCommand>(&command)) {
        heartbeat = policy->change.applied_to(heartbeat);
        responder.done(control::HeartbeatSetResult{.policy = heartbeat});
    } else if (std::holds_alternative<control::KvpWatchCommand>(command)) {
        watch = std::move(responder);
    } else {
        kept_.push_back(std::move(responder));
    }
}

class FakeWorkers::FakeLauncher final : public Launcher {
public:
    explicit FakeLauncher(FakeWorkers& owner) : owner_(owner) {}

    void launch(const Order& order, Launched launched) override {
        owner_.launched.push_back(order.vm_name);
        if (owner_.refuse_to_launch) {
            launched(std::unexpected(
                control::make_failure(owner_.launch_failure, "no such program", "install it")));
            return;
        }
        owner_.vms_.erase(order.vm);
        if (owner_.refusal != Refusal::kNone) {
            refuse(order);
        }
        auto& vm = owner_.vms_[order.vm];
        vm = std::make_unique<FakeVm>(owner_.loop_, order);
        if (owner_.refusal != Refusal::kNone) {
            vm->exit(kWorkerRefused);
        }
        if (owner_.lose_process) {
            launched(std::unexpected(
                control::make_failure(control::ErrorCode::kFailed, "it has ended already")));
            return;
        }
        auto process = WorkerProcess::child(vm->pid());
        ASSERT_TRUE(process);
        launched(*std::move(process));
        if (owner_.die_at_once) {
            vm->die();
        }
    }
    void find(const Order& order, Found found) override {
        const bool lives = owner_.has(order.vm) && owner_.of(order.vm).lives();
        if (owner_.hold_answers) {
            owner_.held_answers.push_back([found = std::move(found), lives] { found(lives); });
        } else {
            found(lives);
        }
    }
    void kill(const Order& order, const WorkerProcess* process) override {
        // A child can be killed only where its process is known.
        if (process != nullptr) {
            EXPECT_EQ(process->pid(), owner_.of(order.vm).pid());
            owner_.of(order.vm).die();
        }
    }

private:
    void refuse(const Order& order) const {
        if (owner_.refusal == Refusal::kInWords) {
            const Json words = {{"run", made_up_run()},
                                {"state", "failed"},
                                {"reason", "config.json: /memory: too much"},
                                {"exit_status", kWorkerRefused},
                                {"events", Json::array()},
                                {"next", 1}};
            EXPECT_TRUE(write_whole(order.files.last_words, control::dump_json(words)));
        } else if (owner_.refusal == Refusal::kInLog) {
            std::ofstream(order.files.worker_log, std::ios::app)
                << "hvis-vm: a line before\nhvis-vm: config.json: /memory: too much\n";
        }
    }

    FakeWorkers& owner_;
};

std::unique_ptr<Launcher> FakeWorkers::launcher() { return std::make_unique<FakeLauncher>(*this); }

}  // namespace hvis::manager
