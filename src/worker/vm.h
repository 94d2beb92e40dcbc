#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "control/event_log.h"
#include "control/results.h"
#include "control/server.h"
#include "loop/later.h"
#include "loop/loop.h"
#include "vm/integration_services.h"
#include "worker/config.h"
#include "worker/ending.h"
#include "worker/event_recorder.h"
#include "worker/guest_facts.h"
#include "worker/host_parameters.h"
#include "worker/kvp_watches.h"
#include "worker/loss_action.h"
#include "worker/machine.h"
#include "worker/stop_policy.h"
#include "worker/waits.h"

namespace hvis::worker {

/// One virtual machine as a whole: hardware, VMBus, services, the policies that act on what they
/// report, and the requests of the control socket. Loop thread.
class Vm final : public vm::VmbusObserver {
public:
    /// A guest that reported a crash and then neither resets itself nor connects again (a crash
    /// kernel) is dealt with by `on_crash` after so long.
    static constexpr Duration kCrashGrace = std::chrono::seconds(10);
    /// Crashes that are recorded of one run: a guest may report as many as it likes.
    static constexpr uint32_t kMaxCrashReports = 8;
    /// How often the guest's facts are looked up while somebody waits for its addresses, and while
    /// nobody does: they change, and a daemon that has gone shows by not answering. The host's own
    /// facts are looked at with them.
    static constexpr Duration kAddressPoll = std::chrono::seconds(1);
    static constexpr Duration kFactsPoll = std::chrono::seconds(60);
    /// How long the guest may take to shut itself down when the worker is told to leave.
    static constexpr Duration kFarewell = std::chrono::seconds(60);

    /// `config`, `loop` and `events` must outlive the VM. `make_machine` is called once.
    static Result<std::unique_ptr<Vm>> create(const Config& config, loop::Loop& loop,
                                              control::EventLog& events,
                                              const Machine::Maker& make_machine);
    ~Vm() override;

    Result<void> start();
    /// A verified request from the control socket.
    void handle(const control::Command& command, control::Responder responder);
    /// SIGTERM or SIGINT: asks the guest to shut down; the second time cuts the power.
    void leave();
    [[nodiscard]] control::StatusResult status() const;
    /// `listener` is called whenever the status may have changed, from inside whatever changed it.
    void on_status_changed(std::function<void()> listener) {
        status_changed_ = std::move(listener);
    }
    /// `listener` is called once, when the machine has stopped for good; not to destroy the VM in.
    void on_ended(std::function<void()> listener) { ended_listener_ = std::move(listener); }
    /// Valid once it has ended.
    [[nodiscard]] const Ending& ending() const { return ending_; }

private:
    using ServiceKind = vm::ServiceKind;

    /// A request of a client that the guest is working on.
    struct GuestRequest {
        control::Responder responder;
        std::variant<control::KvpListCommand, control::KvpGetCommand, control::KvpSetCommand,
                     control::KvpDeleteCommand, control::IpShowCommand, control::IpSetCommand,
                     control::TimeSyncCommand>
            command;
    };
    using RequestMap = std::map<ic::RequestId, GuestRequest>;

    struct MachineRequest {
        bool reset;  ///< otherwise power-off
        control::Responder responder;
    };
    /// A clean stop that was asked of the guest, until the machine has stopped or reset.
    struct StopRequest {
        control::ShutdownCommand command;
        ic::RequestId id = 0;  ///< 0 once the guest has agreed
        std::optional<control::Responder> responder;
        TimePoint deadline{};
        loop::Loop::TimerId timer = 0;
    };

    Vm(const Config& config, loop::Loop& loop, control::EventLog& events);
    Result<void> open(const Machine::Maker& make_machine);
    void record(control::EventId id, control::EventFields fields = {});
    void note_status_changed() const;
    void request_stop(vm::StopReason reason);

    void vmbus_connected(wire::VmbusVersion version) override;
    void vmbus_disconnected(vmbus::DisconnectReason reason) override;
    void vmbus_message_rejected(std::string_view reason, uint32_t suppressed) override;

    // vm_stop.cc: crashes, stops, and what follows.
    void crashed(const vm::CrashReport& report);
    void stopped(vm::StopReason reason);
    void record_stop(const Stop& stop);
    void restart_later(Duration rest);
    void restart_machine();
    void end(Ending ending);
    void expect_recovery();

    // vm_effects.cc: what the services report.
    void service_changed(ServiceKind kind);
    void take_heartbeat();
    void take_timesync();
    void act_on_loss();
    void note_status(ServiceKind kind);
    void note_rejected(ServiceKind kind);

    // vm_shutdown.cc: what the guest is asked to do with itself.
    void take_shutdown();
    void run(const control::ShutdownCommand& command, control::Responder responder);
    void await_stop(TimePoint deadline);
    void stop_request_timed_out();
    void record_stop_timed_out();

    // vm_kvp.cc: what the key/value exchange reports, and its verbs.
    void take_kvp();
    bool kvp_finished_for_us(const ic::KvpFinished& finished);
    void note_daemon();
    void kvp_changed(control::Pool pool, const KvpChange& change);
    bool list_for_watches(control::Pool pool);
    void answer_kvp(GuestRequest& request, const ic::KvpFinished& finished);
    void refresh_facts();
    void renew_parameters();
    void poll_facts();
    void keep_external(const GuestRequest& request);

    // vm_verbs.cc: one for each command; those of key/value pairs and addresses in vm_kvp.cc.
    void run(const control::StatusCommand& command, control::Responder responder);
    void run(const control::StatsCommand& command, control::Responder responder);
    void run(const control::MachineCommand& command, control::Responder responder);
    void run(const control::WaitCommand& command, control::Responder responder);
    void run(const control::ServiceListCommand& command, control::Responder responder);
    void run(const control::ServiceSwitchCommand& command, control::Responder responder);
    void run(const control::KvpListCommand& command, control::Responder responder);
    void run(const control::KvpGetCommand& command, control::Responder responder);
    void run(const control::KvpSetCommand& command, control::Responder responder);
    void run(const control::KvpDeleteCommand& command, control::Responder responder);
    void run(const control::KvpWatchCommand& command, control::Responder responder);
    void run(const control::IpShowCommand& command, control::Responder responder);
    void run(const control::IpSetCommand& command, control::Responder responder);
    void run(const control::TimeShowCommand& command, control::Responder responder);
    void run(const control::TimeSyncCommand& command, control::Responder responder);
    void run(const control::HeartbeatShowCommand& command, control::Responder responder);
    void run(const control::HeartbeatSetCommand& command, control::Responder responder);
    void run(const control::EventsListCommand& command, control::Responder responder);
    void run(const control::EventsSubscribeCommand& command, control::Responder responder);
    void run(const control::StatusSubscribeCommand& command, control::Responder responder);
    void run(const control::CancelCommand& command, control::Responder responder);
    void pause(control::Responder responder);
    void resume(control::Responder responder);
    template <class Command>
    void submit_kvp(Result<ic::RequestId> id, const Command& command, control::Responder responder);
    void watch_cancel(RequestMap& requests, ServiceKind kind, ic::RequestId id);

    [[nodiscard]] bool reached(control::Condition condition) const;
    [[nodiscard]] std::string missing_for(control::Condition condition) const;

    const Config& config_;
    loop::Loop& loop_;
    EventRecorder recorder_;
    std::unique_ptr<Machine> machine_;
    std::unique_ptr<vm::VmbusHost> vmbus_;
    std::unique_ptr<vm::IntegrationServices> services_;
    Waits waits_;
    KvpWatches watches_;
    std::map<ic::RequestId, control::Pool> watch_lists_;  ///< under way
    control::HeartbeatPolicy policy_;
    LossAction loss_action_;

    RequestMap kvp_requests_;
    RequestMap time_requests_;
    std::optional<StopRequest> stop_request_;
    std::vector<MachineRequest> machine_requests_;  ///< reset and power_off under way
    StoppedBy stopped_by_ = StoppedBy::kGuest;      ///< who asked for the stop under way
    bool leaving_ = false;
    bool power_off_asked_ = false;  ///< a client wants it off, even if it just resets itself
    bool ended_ = false;            ///< stopped for good; a reset passes through "stopped" too
    Ending ending_;

    std::optional<control::CrashState> crash_;  ///< the last one
    bool crash_open_ = false;                   ///< reported, and `on_crash` not applied yet
    loop::Loop::TimerId crash_timer_ = 0;       ///< runs from the first report on, not in a pause
    uint32_t crash_reports_ = 0;                ///< since the last start

    TimePoint paused_at_{};
    loop::Loop::TimerId restart_timer_ = 0;  ///< runs while the machine rests before a restart

    HostParameters host_ = HostParameters::read();
    std::optional<GuestFacts> facts_;
    ic::RequestId facts_request_ = 0;
    loop::Loop::TimerId facts_timer_ = 0;
    TimePoint facts_due_{};

    /// Per service, what was last recorded.
    struct Noted {
        std::optional<ic::ServiceReport> report;
        bool negotiated = false;
        bool mismatch = false;
        uint64_t rejected = 0;
    };
    std::array<Noted, vm::kServiceKinds.size()> noted_{};
    LogLimit rejected_limit_;
    loop::Later later_;  ///< what must not happen inside a callback of a service or a responder
    std::function<void()> status_changed_;
    std::function<void()> ended_listener_;
    bool application_critical_ = false;  ///< told, and not yet that it is over
    bool daemon_missing_ = false;
    std::optional<WallTime> synced_;  ///< the guest's last answer that was recorded
    bool sync_after_resume_ = false;
    TimePoint lost_since_;
};

}  // namespace hvis::worker
