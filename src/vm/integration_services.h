#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "ic/heartbeat_host.h"
#include "ic/kvp_host.h"
#include "ic/shutdown_host.h"
#include "ic/time_sync_host.h"
#include "vm/ic_device.h"
#include "vm/vmbus_host.h"

namespace hvis::vm {

enum class ServiceKind : uint8_t { kHeartbeat, kShutdown, kTimesync, kKvp };
inline constexpr std::array kServiceKinds = {ServiceKind::kHeartbeat, ServiceKind::kShutdown,
                                             ServiceKind::kTimesync, ServiceKind::kKvp};
/// "heartbeat", …
std::string_view to_string(ServiceKind kind);
/// What kind of device the service is offered as.
const Guid& interface_type(ServiceKind kind);

/// The host halves of all integration services of one partition, on their channels. Loop thread.
class IntegrationServices {
public:
    struct Config {
        ic::HeartbeatPolicy heartbeat;
        /// The check boxes, in the order of ServiceKind.
        std::array<bool, kServiceKinds.size()> enabled{true, true, true, true};
        /// The newest message version that is offered (ic::HostSession), in the same order.
        std::array<std::optional<ic::Version>, kServiceKinds.size()> newest;
    };
    /// The service may have effects to be taken, or its status changed.
    using Changed = std::function<void(ServiceKind)>;

    /// All must outlive this object. Offers the services that are enabled.
    static Result<std::unique_ptr<IntegrationServices>> create(VmbusHost& vmbus,
                                                               Partition& partition,
                                                               loop::Loop& loop,
                                                               const Config& config,
                                                               Changed changed);
    ~IntegrationServices();
    IntegrationServices(const IntegrationServices&) = delete;
    IntegrationServices& operator=(const IntegrationServices&) = delete;

    /// Withdraws the service from the guest while it runs, or offers it again.
    Result<void> set_enabled(ServiceKind kind, bool enabled);
    [[nodiscard]] bool is_enabled(ServiceKind kind) const;

    void paused();
    void resumed();

    /// A request was made of the service: send what it has, arm its timer.
    void pump(ServiceKind kind);

    [[nodiscard]] ic::HeartbeatHost& heartbeat() { return heartbeat_; }
    [[nodiscard]] ic::ShutdownHost& shutdown() { return shutdown_; }
    [[nodiscard]] ic::TimeSyncHost& timesync() { return timesync_; }
    [[nodiscard]] ic::KvpHost& kvp() { return kvp_; }
    [[nodiscard]] const IcDevice& device(ServiceKind kind) const;
    [[nodiscard]] ic::ServiceReport report(ServiceKind kind) const;

    /// All clocks of this moment, the partition's reference counter among them.
    [[nodiscard]] Clocks clocks() const;

private:
    struct Entry {
        ic::HostService* service = nullptr;
        std::unique_ptr<IcDevice> device;
        std::optional<vmbus::OfferId> offer;  ///< once it has been offered
        bool enabled = true;
    };

    IntegrationServices(VmbusHost& vmbus, Partition& partition, loop::Loop& loop,
                        const Config& config, Changed changed);
    Result<void> offer(Entry& entry);
    [[nodiscard]] Entry& entry(ServiceKind kind) { return entries_[static_cast<size_t>(kind)]; }
    [[nodiscard]] const Entry& entry(ServiceKind kind) const {
        return entries_[static_cast<size_t>(kind)];
    }

    VmbusHost& vmbus_;
    Partition& partition_;
    loop::Loop& loop_;
    Changed changed_;
    ic::HeartbeatHost heartbeat_;
    ic::ShutdownHost shutdown_;
    ic::TimeSyncHost timesync_;
    ic::KvpHost kvp_;
    std::array<Entry, kServiceKinds.size()> entries_;
};

}  // namespace hvis::vm
