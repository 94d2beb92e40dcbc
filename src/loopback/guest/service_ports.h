#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "loopback/guest/machine.h"
#include "loopback/guest/service_channel.h"
#include "loopback/guest/services.h"
#include "vmbus/channel_client.h"

namespace hvis::loopback {

/// The services' channels from offer to release: lays their rings, tells the host of them, opens,
/// serves and gives them up. Linux: vmbus_open and vmbus_onoffer_rescind. Loop thread.
class ServicePorts {
public:
    /// RAM that the rings of all services take, in pages.
    static constexpr uint64_t kPages = vm::kServiceKinds.size() * ServiceChannel::kPages;

    /// All must outlive this object; rings lie from `first_page` on.
    ServicePorts(Machine& machine, vmbus::ChannelClient& client, Services& services,
                 uint64_t first_page);

    // What the client said. Errors end the connection: the host broke the protocol, or RAM ran out.
    Result<void> offered(const wire::OfferChannel& offer);
    Result<void> gpadl_created(const vmbus::ChannelClient::GpadlCreated& created);
    Result<void> opened(const vmbus::ChannelClient::Opened& opened, const Clocks& clocks);
    Result<void> rescinded(uint32_t relid);

    /// The event flag of this channel was set.
    Result<void> interrupted(uint32_t relid, const Clocks& clocks);

    [[nodiscard]] size_t open_count() const;
    [[nodiscard]] uint64_t rejected_packets() const;

private:
    struct Port {
        uint32_t relid = 0;  ///< 0 while the host does not offer the service
        uint32_t gpadl = 0;
        bool open = false;
        std::optional<ServiceChannel> channel;
    };
    [[nodiscard]] uint64_t first_page(vm::ServiceKind kind) const;
    [[nodiscard]] Port* find(uint32_t relid);

    Machine& machine_;
    vmbus::ChannelClient& client_;
    Services& services_;
    uint64_t first_page_;
    std::array<Port, vm::kServiceKinds.size()> ports_;
};

}  // namespace hvis::loopback
