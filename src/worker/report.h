#pragma once

#include "control/commands.h"
#include "control/failure.h"
#include "control/results.h"
#include "ic/heartbeat_host.h"
#include "ic/status.h"
#include "vm/integration_services.h"

namespace hvis::worker {

/// The control protocol's word for a service, and back: both count in the same order.
constexpr control::Service service_of(vm::ServiceKind kind) {
    return static_cast<control::Service>(kind);
}
constexpr vm::ServiceKind kind_of(control::Service service) {
    return static_cast<vm::ServiceKind>(service);
}
static_assert(vm::kServiceKinds.size() == control::kServiceWords.size());

/// One service in the words of the status model.
control::ServiceState service_state(vm::IntegrationServices& services, vm::ServiceKind kind);

/// What the heartbeat and the time service have measured.
void add_measurements(control::StatsResult& stats, vm::IntegrationServices& services);

/// "3.2"
std::string version_text(ic::Version version);

/// "shutdown", "restart", "hibernate".
std::string_view shutdown_word(ic::ShutdownKind kind);

ic::HeartbeatPolicy to_ic(const control::HeartbeatPolicy& policy);

/// A request that the guest's service would not even take.
control::Failure refused_at_once(const Error& error, const ic::ServiceReport& report);
/// A request that ended other than done.
control::Failure failure_of(ic::Outcome outcome, uint32_t guest_status,
                            const ic::ServiceReport& report);

}  // namespace hvis::worker
