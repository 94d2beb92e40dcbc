#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/link.h"
#include "manager/supervisor/held_pairs.h"
#include "manager/supervisor/kept_end.h"
#include "manager/supervisor/last_words.h"
#include "manager/supervisor/live_settings.h"
#include "manager/supervisor/restart_policy.h"
#include "manager/supervisor/vm_context.h"
#include "manager/supervisor/vm_waits.h"
#include "manager/supervisor/worker_session.h"

namespace hvis::manager {

/// One VM and its worker, if it has one. Manager thread.
///
///     kStopped --start--> kLaunching --process runs--> kConnecting --hello--> kRunning
///     kRunning --connection lost--> kConnecting --nobody there, process gone--> kEnding
///     kEnding --last words taken--> kStopped, or kWaiting --delay--> kLaunching
///
/// An adopted worker begins with kConnecting. A worker that lives but cannot be talked to stays in
/// kConnecting or kRunning, and is shown as unreachable.
class ManagedVm {
public:
    enum class Phase : uint8_t { kStopped, kWaiting, kLaunching, kConnecting, kRunning, kEnding };
    using Done = std::function<void(Result<void, Failure>)>;
    using Answered = control::Link::Answered;

    ManagedVm(VmContext& context, VmRecord record, std::vector<HeldPair> pairs,
              std::optional<KeptEnd> end);
    ManagedVm(const ManagedVm&) = delete;
    ManagedVm& operator=(const ManagedVm&) = delete;
    /// Leaves the worker running.
    ~ManagedVm();

    [[nodiscard]] const VmDefinition& definition() const { return definition_; }
    [[nodiscard]] VmSummary summary() const;
    [[nodiscard]] std::string state() const;
    [[nodiscard]] Phase phase() const { return phase_; }
    /// What the worker said last; nullptr where it has said nothing yet.
    [[nodiscard]] const control::Json* status() const { return status_.get(); }
    [[nodiscard]] bool wanted() const { return wanted_; }
    /// No worker, and none to come.
    [[nodiscard]] bool at_rest() const { return phase_ == Phase::kStopped; }

    /// Looks for a worker of an earlier life of hvisd and takes it over; says whether there is one.
    void adopt(std::function<void(bool lives)> decided);
    /// There is none: takes its last words, judges its end, restarts it if that is due.
    void settle();

    void start(Done done);
    void power_off(Done done);
    /// Ends at once when no worker runs.
    uint64_t shut_down(const control::ShutdownCommand& command, Done done);
    /// As Supervisor::request, or, where there is somebody to be told, as Supervisor::follow. 0:
    /// answered already.
    uint64_t request(const control::EncodedCommand& command, control::Link::Told told,
                     Answered answered);
    void cancel(uint64_t request);
    VmWaits& waits() { return waits_; }

    /// Keeps the definition and applies it. The result lists what waits for the next start.
    Result<std::vector<std::string>, Failure> redefine(const VmDefinition& definition);
    void set_service(control::Service service, bool enabled,
                     std::function<void(Result<std::string, Failure>)> done);
    /// Deletes its files and what the store keeps of it.
    Result<void, Failure> erase();

private:
    // managed_vm_life.cc
    /// The launcher knows whether a worker of an earlier life runs; `left`: the phase in which it
    /// was asked.
    void found(bool lives, Phase left);
    void launch();
    void launched(Result<WorkerProcess, Failure> process);
    void connect();
    void connect_after(Duration delay);
    void greeted(const WorkerSession::Peer& peer);
    void session_ended(const control::LinkEnd& end);
    void could_not_connect(const control::LinkEnd& end);
    void watch_process();
    void process_ended();
    void unreachable(const std::string& why);
    void status_received(std::shared_ptr<const control::Json> status);
    // managed_vm_end.cc
    void worker_gone();
    void settle_without_words();
    void take_last_words();
    bool take_events(const LastWords& words);
    void judge_end(const std::optional<LastWords>& words);
    [[nodiscard]] Ending ending_without_words() const;
    /// `run`: the life that has ended, where it is known.
    void ended(Ending ending, const std::optional<Guid>& run);
    void rest();
    void wait_to_restart(Duration delay, uint32_t attempt);

    void set_phase(Phase phase);
    void changed();
    /// Changes nothing where it cannot be saved.
    Result<void, Failure> save_wish(bool wanted, uint32_t attempts);
    /// What is so whether it can be saved or not: a VM must be stopped, and an attempt has been
    /// made, with a full disk too. The next wish saves it along.
    Result<void, Failure> change_wish(bool wanted, uint32_t attempts);
    void answer_starts(Result<void, Failure> outcome);
    void answer_stops(const Result<void, Failure>& outcome);
    // managed_vm_stop.cc
    void tell_unsaved(const Failure& failure) const;
    void kill_worker();
    /// Takes hold of the process at the other end of the link, if it is this VM's worker: one that
    /// hangs never says hello.
    void hold_peer();
    /// Whoever waits for the stop is told why it does not come.
    void could_not_cut();
    /// The worker of a shutdown in doubt lives: nobody knows whether the guest was told.
    void settle_doubt();
    Result<uint64_t, Failure> pass(const control::EncodedCommand& command, Answered answered,
                                   control::Link::Told told = nullptr);
    /// The same, and a failure is answered.
    uint64_t ask(const control::EncodedCommand& command, control::Link::Told told,
                 const Answered& answered);
    // managed_vm_pairs.cc
    using Answer = Result<std::shared_ptr<const control::Json>, Failure>;
    using Held = std::function<Answer()>;
    using Shaped = std::function<Answer(Answer)>;
    uint64_t set_pair(const control::EncodedCommand& command, Answered answered);
    uint64_t delete_pair(const control::EncodedCommand& command, Answered answered);
    uint64_t read_pairs(const control::EncodedCommand& command, Answered answered);
    /// Answers with `held` where there is no guest, or it is shut off, and else with what `told`
    /// makes of the guest's answer.
    uint64_t ask_or_hold(const control::EncodedCommand& command, Held held, Shaped told,
                         const Answered& answered);
    /// Paused, or without its key/value service: until somebody changes that, nothing can be asked.
    [[nodiscard]] bool guest_is_shut_off() const;
    /// Asks the worker for its status; `then` says whether status_ is now from after this call.
    void refresh_status(std::function<void(bool fresh)> then);
    /// Whoever ticked a service and waits for what becomes of it.
    struct Note {
        control::Service service = control::Service::kHeartbeat;
        bool enabled = true;
        std::function<void(Result<std::string, Failure>)> done;
        loop::Loop::TimerId timer = 0;
        bool fresh = false;  ///< status_ is from after the switch
    };
    void refresh_notes();
    void answer_notes();
    /// Those whose service has been switched once more.
    void answer_outdated_notes();
    void answer_note(uint64_t id);
    [[nodiscard]] std::string text_of(const Note& note) const;
    /// One that runs, or is on its way.
    [[nodiscard]] bool has_worker() const;
    [[nodiscard]] EventLog::Subject subject() const { return {definition_.id, definition_.name}; }
    [[nodiscard]] Launcher::Order order() const;
    [[nodiscard]] control::Link* live_link() const;
    [[nodiscard]] const Timings& timings() const { return context_.config.timings; }
    template <class Work>
    [[nodiscard]] auto alive(Work work) {
        return [token = std::weak_ptr(alive_), work = std::move(work)](auto&&... arguments) {
            if (!token.expired()) {
                work(std::forward<decltype(arguments)>(arguments)...);
            }
        };
    }

    VmContext& context_;
    VmDefinition definition_;
    VmFiles files_;
    HeldPairs pairs_;
    bool wanted_;
    uint32_t attempts_;
    bool wish_is_saved_ = true;
    std::optional<Guid> run_;  ///< the last life of a worker that was reached
    bool reached_ = false;     ///< the present worker, if there is one, is that life
    std::optional<KeptEnd> end_;

    Phase phase_ = Phase::kStopped;
    std::optional<WallTime> since_;
    std::string explanation_;
    std::shared_ptr<const control::Json> status_;
    TimePoint status_at_;

    std::optional<WorkerProcess> process_;
    bool process_watched_ = false;
    WorkerExit exit_;
    uint64_t log_begins_ = 0;     ///< where the present worker's part of its log begins
    bool own_process_ = false;    ///< it may be killed for this VM
    bool adopting_ = false;       ///< the worker is of an earlier life of hvisd
    bool known_to_live_ = false;  ///< the launcher says so, though we have no process
    bool stop_asked_ = false;     ///< the guest is on its way down, or the power is cut
    bool cut_asked_ = false;      ///< the power is to be cut, if need be with the worker
    /// The link was lost before the answer to a shutdown: the wish before it, in case the worker is
    /// still there.
    std::optional<bool> shutdown_in_doubt_;
    bool unreachable_ = false;
    TimePoint connect_until_;
    TimePoint running_since_;
    loop::Loop::TimerId timer_ = 0;  ///< connect again, restart, or take the last words again
    loop::Loop::TimerId start_timer_ = 0;
    loop::Loop::TimerId cut_timer_ = 0;  ///< ends the wait for a power_off
    std::function<void(bool)> decided_;
    std::vector<Done> starts_;
    std::vector<Done> stops_;
    std::map<uint64_t, Note> notes_;
    uint64_t next_note_ = 1;
    VmWaits waits_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    // Last: their callbacks use all of the above.
    std::unique_ptr<WorkerSession> session_;
    std::unique_ptr<LiveSettings> settings_;
};

}  // namespace hvis::manager
