#include "worker/vm.h"

#include <utility>

#include "worker/report.h"

namespace hvis::worker {
namespace {

wire::VmbusVersion newest_version(const Config& config) {
    if (!config.vmbus_max_version) {
        return wire::VmbusVersion::kWin10_5_3;
    }
    const auto number =
        (uint32_t{config.vmbus_max_version->major} << 16U) | config.vmbus_max_version->minor;
    return wire::vmbus_version_from_wire(number).value_or(wire::VmbusVersion::kWin10_5_3);
}

std::map<std::string, std::string> to_map(const std::vector<control::KvpPair>& pairs) {
    std::map<std::string, std::string> map;
    for (const auto& [key, value] : pairs) {
        map[key] = value;
    }
    return map;
}

}  // namespace

Result<std::unique_ptr<Vm>> Vm::create(const Config& config, loop::Loop& loop,
                                       control::EventLog& events,
                                       const Machine::Maker& make_machine) {
    std::unique_ptr<Vm> vm(new Vm(config, loop, events));
    HVIS_CHECK(vm->open(make_machine));
    return vm;
}

Vm::Vm(const Config& config, loop::Loop& loop, control::EventLog& events)
    : config_(config),
      loop_(loop),
      recorder_(loop, events),
      waits_(
          loop, [this](control::Condition condition) { return reached(condition); },
          [this](control::Condition condition) { return missing_for(condition); }),
      watches_(
          loop, [this](control::Pool pool) { return list_for_watches(pool); },
          [this](control::Pool pool, const KvpChange& change) { kvp_changed(pool, change); }),
      policy_(config.heartbeat),
      later_(loop) {}

Vm::~Vm() {
    status_changed_ = nullptr;
    // Not left to its turn among the members: the services call back when they are taken down, and
    // would find half a VM. reset() clears the pointer first, and then nothing is taken from them.
    // Requests that wait for them are answered as dropped, by their responders.
    services_.reset();
    loop_.cancel_timer(crash_timer_);
    loop_.cancel_timer(facts_timer_);
    loop_.cancel_timer(restart_timer_);
    if (stop_request_) {
        loop_.cancel_timer(stop_request_->timer);
    }
}

Result<void> Vm::open(const Machine::Maker& make_machine) {
    machine_ = HVIS_TRY(
        make_machine({.crashed = [this](const vm::CrashReport& report) { crashed(report); },
                      .stopped = [this](vm::StopReason reason) { stopped(reason); }}));
    vmbus_ = std::make_unique<vm::VmbusHost>(machine_->partition(), loop_, newest_version(config_),
                                             this);
    machine_->attach(*vmbus_);
    const ServicesConfig& services = config_.services;
    services_ = HVIS_TRY(vm::IntegrationServices::create(
        *vmbus_, machine_->partition(), loop_,
        {.heartbeat = to_ic(policy_),
         .enabled = {services.heartbeat.enabled, services.shutdown.enabled,
                     services.timesync.enabled, services.kvp.enabled},
         .newest = {services.heartbeat.max_version, services.shutdown.max_version,
                    services.timesync.max_version, services.kvp.max_version}},
        // The services call back while they are being made; there is nothing to take from them yet.
        [this](ServiceKind kind) {
            if (services_) {
                service_changed(kind);
            }
        }));
    HVIS_CHECK(services_->kvp().set_parameters(host_.for_guest(config_)));
    return services_->kvp().set_external(to_map(config_.kvp_external));
}

Result<void> Vm::start() {
    HVIS_CHECK(machine_->start());
    record(control::EventId::kVmStarted, {{"processors", std::to_string(config_.processors)},
                                          {"memory", std::to_string(config_.memory)}});
    return {};
}

void Vm::record(control::EventId id, control::EventFields fields) {
    recorder_.record(id, std::move(fields));
    note_status_changed();  // most events are about one
}

void Vm::note_status_changed() const {
    if (status_changed_) {
        status_changed_();
    }
}

void Vm::request_stop(vm::StopReason reason) {
    if (restart_timer_ != 0) {
        // There are no processors to stop. Not from here: this may be within a service's callback.
        loop_.cancel_timer(std::exchange(restart_timer_, 0));
        later_.run([this, reason] { stopped(reason); });
        return;
    }
    machine_->request_stop(reason);
    note_status_changed();
}

void Vm::vmbus_connected(wire::VmbusVersion version) {
    // Had the guest crashed, perhaps just before it was paused: a crash kernel has taken over,
    // which will reset the machine when it is done.
    loop_.cancel_timer(std::exchange(crash_timer_, 0));
    machine_->recovered();
    record(control::EventId::kVmbusConnected, {{"version", std::string(to_string(version))}});
    waits_.check();
}

void Vm::vmbus_disconnected(vmbus::DisconnectReason /*reason*/) {
    record(control::EventId::kVmbusDisconnected);
    waits_.check();
}

void Vm::vmbus_message_rejected(std::string_view reason, uint32_t suppressed) {
    record(control::EventId::kGuestMessageRejected, {{"service", "vmbus"},
                                                     {"reason", std::string(reason)},
                                                     {"suppressed", std::to_string(suppressed)}});
}

}  // namespace hvis::worker
