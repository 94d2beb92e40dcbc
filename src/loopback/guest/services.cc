#include "loopback/guest/services.h"

#include <string>

namespace hvis::loopback {

Result<std::optional<Bytes>> HungService::packet_received(ByteView packet, const Clocks& clocks) {
    const bool negotiated = service_.message_version().has_value();
    auto answer = service_.packet_received(packet, clocks);
    if (negotiated && answer) {
        return std::nullopt;
    }
    return answer;
}

Services::Services(std::string_view name, HeartbeatAnswers answers) : answers_(answers) {
    // What Linux's hv_kvp_daemon publishes, for a guest that is none.
    pairs_.publish(ic::KvpPool::kAuto, "OSName", "hvis loopback guest");
    pairs_.publish(ic::KvpPool::kAuto, "OSVersion", "1.0");
    pairs_.publish(ic::KvpPool::kAuto, "ProcessorArchitecture", "x86_64");
    pairs_.publish(ic::KvpPool::kAuto, "FullyQualifiedDomainName", std::string(name));
}

ic::GuestService& Services::half(vm::ServiceKind kind) {
    switch (kind) {
        case vm::ServiceKind::kHeartbeat:
            break;
        case vm::ServiceKind::kShutdown:
            return shutdown_;
        case vm::ServiceKind::kTimesync:
            return time_sync_;
        case vm::ServiceKind::kKvp:
            return kvp_;
    }
    if (answers_ == HeartbeatAnswers::kNo) {
        return hung_heartbeat_;
    }
    return heartbeat_;
}

wire::ApplicationState Services::wanted_applications() const {
    const auto pair = pairs_.find(ic::KvpPool::kExternal, kApplicationsKey);
    if (pair && pair->value == "critical") {
        return wire::ApplicationState::kCritical;
    }
    return pair && pair->value == "healthy" ? wire::ApplicationState::kHealthy
                                            : wire::ApplicationState::kUnknown;
}

void Services::update(const Clocks& clocks) {
    heartbeat_.set_applications(wanted_applications());
    const auto samples = time_sync_.take_effects();
    if (samples.empty()) {
        return;
    }
    for (const auto& sample : samples) {
        ++time_samples_;
        time_orders_ += sample.sync ? 1 : 0;
    }
    const auto ahead = static_cast<int64_t>(samples.back().host_time.ticks - clocks.wall.ticks);
    pairs_.publish(ic::KvpPool::kGuest, "HostAheadMicroseconds", std::to_string(ahead / 10));
    pairs_.publish(ic::KvpPool::kGuest, "TimeOrders", std::to_string(time_orders_));
    pairs_.publish(ic::KvpPool::kGuest, "TimeSamples", std::to_string(time_samples_));
}

void Services::disconnected() {
    heartbeat_.channel_closed();
    shutdown_.channel_closed();
    time_sync_.channel_closed();
    kvp_.channel_closed();
}

std::optional<vm::ServiceKind> service_of(const Guid& interface_type) {
    for (const auto kind : vm::kServiceKinds) {
        if (vm::interface_type(kind) == interface_type) {
            return kind;
        }
    }
    return std::nullopt;
}

}  // namespace hvis::loopback
