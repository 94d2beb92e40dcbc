#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guid.h"
#include "base/result.h"
#include "control/commands.h"
#include "control/failure.h"
#include "control/json.h"
#include "loop/loop.h"
#include "manager/definition/vm_definition.h"
#include "manager/events/event_log.h"
#include "manager/role.h"
#include "manager/store/store.h"
#include "manager/supervisor/timings.h"
#include "manager/supervisor/vm_summary.h"

namespace hvis::manager {

class Launcher;
class ManagedVm;

/// Where and how workers are run.
struct SupervisorConfig {
    enum class Launcher : uint8_t { kAuto, kSystemd, kChild };
    Launcher launcher = Launcher::kAuto;  ///< kAuto: systemd where it is PID 1 and we are a unit
    std::string worker;                   ///< path of hvis-vm
    std::string runtime_directory;        ///< "/run/hvis": vms/ID/control.sock, serial.sock, …
    std::string state_directory;          ///< "/var/lib/hvis": vms/ID/
    Timings timings;
};

/// All VMs of the host: knows, starts, adopts, watches, restarts and stops their workers. Manager
/// thread; nothing blocks it.
class Supervisor {
public:
    /// VMs of one host.
    static constexpr size_t kMaxVms = 10'000;

    using Done = std::function<void(Result<void, Failure>)>;
    using Answered = std::function<void(Result<std::shared_ptr<const control::Json>, Failure>)>;
    /// Names a request under way, for cancel(); 0 is never used.
    using RequestId = uint64_t;

    /// All must outlive it.
    static Result<std::unique_ptr<Supervisor>, Failure> create(SupervisorConfig config,
                                                               loop::Loop& loop, Store& store,
                                                               EventLog& events);
    /// The same with workers of another kind; for tests.
    static Result<std::unique_ptr<Supervisor>, Failure> create(SupervisorConfig config,
                                                               loop::Loop& loop, Store& store,
                                                               EventLog& events,
                                                               std::unique_ptr<Launcher> workers);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Adopts the workers that live, then starts what should run: call once.
    void begin();
    /// Leaves all workers running: nothing of a VM is touched.
    void leave();
    /// The host goes down: shuts the guests down cleanly, in the reverse of their order, cuts the
    /// power of those that are not down when their stop_timeout is over; then calls back. A guest
    /// that cannot be asked at once (paused, starting, on its way down already) is asked when it
    /// can. Until then nothing is started; a second call waits for the end of the first.
    void stop_all(std::function<void()> done);

    /// By name or id.
    [[nodiscard]] std::optional<Guid> find(std::string_view name_or_id) const;
    [[nodiscard]] std::optional<VmSummary> summary(const Guid& vm) const;
    /// By name.
    [[nodiscard]] std::vector<VmSummary> list() const;
    [[nodiscard]] size_t count() const;

    /// With pairs that the host has set already, at most kMaxHeldPairs in a pool.
    Result<void, Failure> define(const VmDefinition& definition, std::vector<HeldPair> pairs = {});
    /// Keeps the change, and applies at once what can be applied to a running VM (services,
    /// heartbeat). The result lists the fields that wait for the next start.
    Result<std::vector<std::string>, Failure> redefine(const VmDefinition& definition);
    /// Only when stopped.
    Result<void, Failure> remove(const Guid& vm);

    /// Done when the worker runs the guest.
    void start(const Guid& vm, Done done);
    /// A clean shutdown asked of the guest; done when the VM has stopped. It stays stopped.
    RequestId shut_down(const Guid& vm, const control::ShutdownCommand& command, Done done);
    /// Cuts the power; also ends a worker that does not answer.
    void power_off(const Guid& vm, Done done);
    /// Calls back when the condition holds; also while the VM is stopped (kStopped).
    RequestId wait(const Guid& vm, control::Condition condition, control::Milliseconds timeout,
                   Done done);

    /// Any other verb of docs/control-protocol.md, passed on to the worker: not for what the
    /// definition holds, which is set_service()'s and redefine()'s. kUnavailable when the
    /// VM is not running. Pairs that are set or deleted in the pools of the host are kept; those of
    /// a stopped VM too.
    RequestId request(const Guid& vm, const control::EncodedCommand& command, Answered answered);
    /// The same for what stays outstanding until it is cancelled or the worker goes, as kvp.watch
    /// does: `told` is called with the packets that come in the meantime.
    using Told = std::function<void(const control::Json& notice)>;
    RequestId follow(const Guid& vm, const control::EncodedCommand& command, Told told,
                     Answered ended);
    /// The request's callback is called with `cancelled`.
    void cancel(RequestId id);

    /// Ticks the box of a service: kept, and applied to the running VM. `note`: what the
    /// administrator should know (the guest has no driver for it, …), or empty.
    void set_service(const Guid& vm, control::Service service, bool enabled,
                     std::function<void(Result<std::string, Failure>)> done);

    /// Called whenever a summary has changed.
    using Watcher = std::function<void(const Guid& vm)>;
    uint64_t watch(Watcher watcher);
    void unwatch(uint64_t id);

private:
    struct State;
    explicit Supervisor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace hvis::manager
