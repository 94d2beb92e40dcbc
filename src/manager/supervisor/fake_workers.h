#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/event_log.h"
#include "control/server.h"
#include "manager/supervisor/launcher.h"

namespace hvis::manager {

/// A worker without a guest, on the loop of the test; a sleeping child stands for its process.
class FakeVm {
public:
    FakeVm(loop::Loop& loop, Launcher::Order order);
    FakeVm(const FakeVm&) = delete;
    FakeVm& operator=(const FakeVm&) = delete;
    ~FakeVm();

    /// Hangs up on everybody, and takes connections again.
    void drop_connections();
    void record(int count);
    void set_state(std::string state);
    void set_kvp(bool ok);
    /// Writes its last words, and goes.
    void end(const std::string& state, const std::string& reason);
    /// Goes without a word.
    void die();
    /// Goes with `status`, as a process that its parent waits for.
    void exit(int status);
    /// From now on a process of its own that takes connections and never says a word; `known`: it
    /// can be seen from its command line which VM it runs.
    enum class Known : uint8_t { kYes, kNo };
    void hang(Known known);
    [[nodiscard]] bool lives() const { return server_ != nullptr || hangs_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

    std::string run;
    std::string kvp_explanation = "no daemon";
    bool mute = false;  ///< nothing is answered but what the protocol's server answers by itself
    bool refuse_shutdown = false;
    bool ignore_shutdown = false;
    bool shutdown_in_progress = false;
    bool come_back = true;           ///< services that are enabled again are soon well again
    std::set<std::string> bad_keys;  ///< pairs that the guest does not take
    bool kvp_degraded = false;       ///< where it is well otherwise
    bool unavailable_kvp = false;    ///< as of a guest that runs and has no daemon
    int failing_lists = 0;           ///< so many lists of pairs fail
    std::optional<control::Milliseconds> shutdown_timeout;  ///< of the last shutdown asked for
    std::map<std::string, std::string> external;
    std::set<control::Service> disabled;
    control::HeartbeatPolicy heartbeat;
    std::vector<std::string> verbs;
    std::optional<control::Responder> watch;  ///< the newest kvp.watch

private:
    void listen();
    void handle(const control::Command& command, control::Responder responder);
    [[nodiscard]] control::StatusResult status() const;
    void stop_soon();

    loop::Loop& loop_;
    Launcher::Order order_;
    control::EventLog log_;
    std::string state_ = "running";
    bool kvp_ok_ = false;
    std::set<control::Service> away_;
    bool hangs_ = false;
    pid_t pid_ = 0;
    loop::Loop::TimerId timer_ = 0;
    std::vector<control::Responder> kept_;
    std::unique_ptr<control::Server> server_;
};

/// Makes FakeVms, which outlive the supervisor as real workers do.
class FakeWorkers {
public:
    explicit FakeWorkers(loop::Loop& loop) : loop_(loop) {}
    std::unique_ptr<Launcher> launcher();
    /// The newest worker of a VM.
    FakeVm& of(const Guid& vm) { return *vms_.at(vm); }
    [[nodiscard]] bool has(const Guid& vm) const { return vms_.contains(vm); }

    bool refuse_to_launch = false;
    control::ErrorCode launch_failure = control::ErrorCode::kFailed;  ///< what it is refused with
    bool die_at_once = false;
    /// What workers leave that end with status 2 before anybody has reached them.
    enum class Refusal : uint8_t { kNone, kInWords, kInLog, kMute };
    Refusal refusal = Refusal::kNone;
    /// As systemd does where a unit has ended before its process was found.
    bool lose_process = false;
    /// As systemd, which answers later whether a worker lives; the test does so then.
    bool hold_answers = false;
    std::vector<std::function<void()>> held_answers;
    std::vector<std::string> launched;  ///< names, in order

private:
    class FakeLauncher;
    loop::Loop& loop_;
    std::map<Guid, std::unique_ptr<FakeVm>> vms_;
};

}  // namespace hvis::manager
