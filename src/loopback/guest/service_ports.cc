#include "loopback/guest/service_ports.h"

#include <algorithm>
#include <numeric>

namespace hvis::loopback {

ServicePorts::ServicePorts(Machine& machine, vmbus::ChannelClient& client, Services& services,
                           uint64_t first_page)
    : machine_(machine), client_(client), services_(services), first_page_(first_page) {}

uint64_t ServicePorts::first_page(vm::ServiceKind kind) const {
    return first_page_ + (static_cast<uint64_t>(kind) * ServiceChannel::kPages);
}

ServicePorts::Port* ServicePorts::find(uint32_t relid) {
    const auto port = std::ranges::find(ports_, relid, &Port::relid);
    return relid == 0 || port == ports_.end() ? nullptr : &*port;
}

Result<void> ServicePorts::offered(const wire::OfferChannel& offer) {
    const auto kind = service_of(offer.interface_type);
    if (!kind || ports_[static_cast<size_t>(*kind)].relid != 0) {
        return {};  // No driver for it, or one is in use.
    }
    Port& port = ports_[static_cast<size_t>(*kind)];
    port.relid = offer.relid;
    port.channel.emplace(HVIS_TRY(
        ServiceChannel::create(machine_.memory(), first_page(*kind), services_.half(*kind),
                               [this, id = offer.connection_id] { machine_.signal_event(id); })));
    std::array<uint64_t, ServiceChannel::kPages> pages;
    std::iota(pages.begin(), pages.end(), first_page(*kind));
    wire::GpaRanges rings;
    rings.add(ServiceChannel::kPages * vm::kPageSize, 0, pages);
    port.gpadl = HVIS_TRY(client_.create_gpadl(port.relid, rings));
    return {};
}

Result<void> ServicePorts::gpadl_created(const vmbus::ChannelClient::GpadlCreated& created) {
    Port* port = find(created.relid);
    if (port == nullptr || port->gpadl != created.gpadl || created.status != wire::kNtSuccess) {
        return {};
    }
    const auto kind = static_cast<uint32_t>(port - ports_.data());
    const auto opening =
        client_.open(port->relid, {.ring_gpadl = port->gpadl,
                                   .target_vp = kind % machine_.processors(),
                                   .downstream_page_offset = ServiceChannel::kRingPages});
    // A channel that was rescinded meanwhile is given up in its own turn.
    return opening || opening.error().code == Errc::kNotFound ? Result<void>() : opening;
}

Result<void> ServicePorts::opened(const vmbus::ChannelClient::Opened& opened,
                                  const Clocks& clocks) {
    Port* port = find(opened.relid);
    if (port == nullptr || opened.status != wire::kNtSuccess) {
        return {};
    }
    port->open = true;
    return port->channel->interrupted(clocks);
}

Result<void> ServicePorts::rescinded(uint32_t relid) {
    Port* port = find(relid);
    if (port != nullptr) {
        const auto kind = static_cast<vm::ServiceKind>(port - ports_.data());
        services_.half(kind).channel_closed();
        *port = {};
    }
    if (const auto closed = client_.close(relid); !closed && closed.error().code != Errc::kState) {
        return closed;
    }
    return client_.release(relid);
}

Result<void> ServicePorts::interrupted(uint32_t relid, const Clocks& clocks) {
    Port* port = find(relid);
    return port != nullptr && port->open ? port->channel->interrupted(clocks) : Result<void>();
}

size_t ServicePorts::open_count() const {
    return static_cast<size_t>(std::ranges::count(ports_, true, &Port::open));
}

uint64_t ServicePorts::rejected_packets() const {
    uint64_t sum = 0;
    for (const auto& port : ports_) {
        sum += port.channel ? port.channel->rejected_packets() : 0;
    }
    return sum;
}

}  // namespace hvis::loopback
