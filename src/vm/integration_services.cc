#include "vm/integration_services.h"

#include <chrono>
#include <utility>

namespace hvis::vm {
namespace {

/// Interface types and well-known instances. Linux: HV_*_GUID in hyperv.h; the instances are those
/// that Hyper-V itself uses.
struct ServiceGuids {
    std::string_view name;
    Guid interface_type;
    Guid instance;
};
constexpr std::array<ServiceGuids, kServiceKinds.size()> kGuids = {{
    {"heartbeat", "57164f39-9115-4e78-ab55-382f3bd5422d"_guid,
     "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"_guid},
    {"shutdown", "0e0b6031-5213-4934-818b-38d90ced39db"_guid,
     "b6650ff7-33bc-4840-8048-e0676786f393"_guid},
    {"timesync", "9527e630-d0ae-497b-adce-e80ab0175caf"_guid,
     "2dd1ce17-079e-403c-b352-a1921ee207ee"_guid},
    {"kvp", "a9a0f4e7-5a45-4d96-b827-8a841e8c03e6"_guid,
     "242ff919-07db-4180-9c2e-b86cb68c8c55"_guid},
}};

std::optional<ic::Version> newest(const IntegrationServices::Config& config, ServiceKind kind) {
    return config.newest[static_cast<size_t>(kind)];
}

}  // namespace

std::string_view to_string(ServiceKind kind) { return kGuids[static_cast<size_t>(kind)].name; }

const Guid& interface_type(ServiceKind kind) {
    return kGuids[static_cast<size_t>(kind)].interface_type;
}

Result<std::unique_ptr<IntegrationServices>> IntegrationServices::create(VmbusHost& vmbus,
                                                                         Partition& partition,
                                                                         loop::Loop& loop,
                                                                         const Config& config,
                                                                         Changed changed) {
    std::unique_ptr<IntegrationServices> services(
        new IntegrationServices(vmbus, partition, loop, config, std::move(changed)));
    for (auto& entry : services->entries_) {
        if (entry.enabled) {
            HVIS_CHECK(services->offer(entry));
        }
    }
    return services;
}

IntegrationServices::IntegrationServices(VmbusHost& vmbus, Partition& partition, loop::Loop& loop,
                                         const Config& config, Changed changed)
    : vmbus_(vmbus),
      partition_(partition),
      loop_(loop),
      changed_(std::move(changed)),
      heartbeat_(config.heartbeat, newest(config, ServiceKind::kHeartbeat)),
      shutdown_(newest(config, ServiceKind::kShutdown)),
      timesync_(newest(config, ServiceKind::kTimesync)),
      kvp_(newest(config, ServiceKind::kKvp)) {
    const std::array<ic::HostService*, kServiceKinds.size()> services = {&heartbeat_, &shutdown_,
                                                                         &timesync_, &kvp_};
    for (const ServiceKind kind : kServiceKinds) {
        const auto index = static_cast<size_t>(kind);
        Entry& made = entries_[index];
        made.service = services[index];
        made.enabled = config.enabled[index];
        made.service->set_enabled(made.enabled, clocks());
        made.device = std::make_unique<IcDevice>(
            kGuids[index].name, *made.service, kGuids[index].interface_type, kGuids[index].instance,
            loop_, [this] { return clocks(); }, [this, kind] { changed_(kind); });
    }
}

IntegrationServices::~IntegrationServices() {
    for (auto& entry : entries_) {
        if (entry.offer) {
            // Fails only for an offer that the server does not know, and it knows this one.
            (void)vmbus_.remove(*entry.offer);
        }
    }
}

Result<void> IntegrationServices::offer(Entry& entry) {
    if (entry.offer) {
        return vmbus_.show(*entry.offer);
    }
    entry.offer = HVIS_TRY(vmbus_.add(*entry.device));
    return {};
}

Result<void> IntegrationServices::set_enabled(ServiceKind kind, bool enabled) {
    Entry& chosen = entry(kind);
    if (chosen.enabled == enabled) {
        return {};
    }
    chosen.enabled = enabled;
    chosen.service->set_enabled(enabled, clocks());
    if (enabled) {
        HVIS_CHECK(offer(chosen));
    } else if (chosen.offer) {
        HVIS_CHECK(vmbus_.withdraw(*chosen.offer));
    }
    chosen.device->pump();
    return {};
}

bool IntegrationServices::is_enabled(ServiceKind kind) const { return entry(kind).enabled; }

void IntegrationServices::paused() {
    for (auto& entry : entries_) {
        entry.service->paused(clocks());
        entry.device->pump();
    }
}

void IntegrationServices::resumed() {
    for (auto& entry : entries_) {
        entry.service->resumed(clocks());
        entry.device->pump();
    }
}

void IntegrationServices::pump(ServiceKind kind) { entry(kind).device->pump(); }

const IcDevice& IntegrationServices::device(ServiceKind kind) const { return *entry(kind).device; }

ic::ServiceReport IntegrationServices::report(ServiceKind kind) const {
    return entry(kind).service->report(clocks());
}

Clocks IntegrationServices::clocks() const {
    return {.now = loop::Loop::now(),
            .wall = WallTime::from_system(std::chrono::system_clock::now()),
            .reference = partition_.reference_time()};
}

}  // namespace hvis::vm
