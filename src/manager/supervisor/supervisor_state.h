#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "manager/supervisor/guest_stop.h"
#include "manager/supervisor/host_order.h"
#include "manager/supervisor/managed_vm.h"
#include "manager/supervisor/supervisor.h"

namespace hvis::manager {

/// What a Supervisor owns.
struct Supervisor::State {
    State(SupervisorConfig config, loop::Loop& loop, Store& store, EventLog& log,
          std::unique_ptr<Launcher> workers);
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() = default;

    Result<void, Failure> load();
    void begin();
    void all_decided();
    void autostart();
    /// Nothing is started with the host any more, until it boots again.
    void started_with_host();
    void stop_all(std::function<void()> done);
    void all_are_stopped();
    void stop_one(const Guid& vm, const std::function<void()>& through);
    void tell(const Guid& vm);
    [[nodiscard]] ManagedVm* vm(const Guid& id) const;
    /// Runs at the loop's next round, unless the supervisor is gone by then.
    void later(std::function<void()> work);

    loop::Loop& loop;
    std::unique_ptr<Launcher> launcher;
    VmContext context;
    std::map<std::string, Guid, std::less<>> names;
    std::map<uint64_t, Watcher> watchers;
    uint64_t next_watcher = 1;
    std::map<RequestId, std::function<void()>> requests;
    RequestId next_request = 1;
    size_t undecided = 0;
    bool new_boot = false;    ///< not all has been started with the host yet
    bool going_down = false;  ///< all are being stopped, or we are ending: nothing is started
    std::unique_ptr<HostOrder> starting;
    std::unique_ptr<HostOrder> stopping;
    std::map<Guid, std::unique_ptr<GuestStop>> stops;  ///< those whose turn it is
    std::vector<std::function<void()>> all_stopped;    ///< one for each operation that waits
    std::shared_ptr<int> alive = std::make_shared<int>(0);
    // Last: their callbacks use all of the above.
    std::map<Guid, std::unique_ptr<ManagedVm>> vms;
    std::vector<std::unique_ptr<ManagedVm>> gone;  ///< removed, let go of at the next turn
};

/// The Failure of a name or id that no VM has.
Failure no_such_vm();

}  // namespace hvis::manager
