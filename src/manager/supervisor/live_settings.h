#pragma once

#include <functional>
#include <string>

#include "control/link.h"
#include "manager/definition/vm_definition.h"
#include "manager/events/event_log.h"
#include "manager/supervisor/held_pairs.h"
#include "manager/supervisor/pair_restore.h"
#include "manager/supervisor/timings.h"

namespace hvis::manager {

/// Carries what the administrator wants over to the worker of one connection: services and
/// heartbeat policy once it is connected (they may have changed while no manager was there), the
/// held pairs whenever the guest's key/value service comes, or comes back. Manager thread.
class LiveSettings {
public:
    /// All must outlive it.
    /// `pairs_settled`: pairs_settled() is now true.
    LiveSettings(EventLog& log, EventLog::Subject vm, const VmDefinition& definition,
                 HeldPairs& pairs, const Timings& timings, control::Link& link, loop::Loop& loop,
                 PairRestore::Settled pairs_settled);
    LiveSettings(const LiveSettings&) = delete;
    LiveSettings& operator=(const LiveSettings&) = delete;

    /// The link has greeted.
    void begin();
    /// The worker's status has changed.
    void status(const control::Json& status);
    /// The definition has changed.
    void apply_service(control::Service service);
    void apply_heartbeat();
    void rename(const std::string& name) { vm_.name = name; }
    /// The guest's key/value service is there, and has been given the held pairs.
    [[nodiscard]] bool pairs_settled() const { return pairs_.settled(); }

private:
    void ask(const control::Command& command, std::string setting,
             std::function<void(const control::Json&)> answered = {});
    void not_applied(const std::string& setting, const std::string& why);

    EventLog& log_;
    EventLog::Subject vm_;
    const VmDefinition& definition_;
    const Timings& timings_;
    control::Link& link_;
    bool services_compared_ = false;
    bool kvp_was_ok_ = false;
    PairRestore pairs_;
};

/// The entry of a service in a worker's status, or nullptr.
const control::Json* service_in(const control::Json& status, control::Service service);

}  // namespace hvis::manager
