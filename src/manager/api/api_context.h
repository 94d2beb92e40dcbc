#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/guid.h"
#include "loop/loop.h"
#include "manager/api/background.h"
#include "manager/api/http_server.h"
#include "manager/api/router.h"
#include "manager/api/stats_sampler.h"
#include "manager/api/streams.h"
#include "manager/api/summary_rows.h"
#include "manager/events/event_log.h"
#include "manager/events/hooks.h"
#include "manager/events/journal_sink.h"
#include "manager/operations.h"
#include "manager/store/store.h"
#include "manager/supervisor/launcher_choice.h"
#include "manager/supervisor/supervisor.h"

namespace hvis::manager {

/// What the host's answers say about hvisd itself.
struct ApiInfo {
    std::string version;
    std::string state_directory;
    std::string runtime_directory;  ///< the VMs' sockets: vms/ID/serial.sock, …
    std::string database;           ///< path
    WallTime started;
    LauncherChoice launcher;  ///< how workers are started
    std::string worker;       ///< path of hvis-vm
};

class KvmCheck;

/// What the handlers work on; manager thread.
struct ApiContext {
    loop::Loop& loop;
    Supervisor& supervisor;
    EventLog& events;
    Operations& operations;
    Store& store;
    Hooks& hooks;
    const JournalSink& journal;
    Background& background;
    Streams& streams;
    StatsSampler& sampler;
    KvmCheck& kvm;
    ApiInfo info;
    const HttpServer* server = nullptr;
    /// Hands the tokens of the store to the http thread.
    std::function<void()> tokens_changed;
    /// Requests that came to a handler so far.
    uint64_t handled = 0;
    /// Watches of pools that are open, by VM.
    std::map<Guid, size_t> pool_watches{};
    /// Of the list of all VMs.
    SummaryRows rows{};
};

/// The VM that the path names; without one the request is answered with 404.
std::optional<Guid> vm_of(ApiContext& context, const ApiRequest& request,
                          const Responder& responder);

/// Begins an operation about a VM (or none) and answers 202 with it, or says why not.
std::shared_ptr<Operations::Work> begin_operation(ApiContext& context, const ApiRequest& request,
                                                  const Responder& responder, std::string kind,
                                                  std::optional<Guid> vm);
/// Answers 202 with the operation as it is now.
void answer_accepted(ApiContext& context, const Responder& responder, const Guid& operation);
/// Ends the operation with what the supervisor said.
void end_operation(Operations::Work& work, const Result<void, Failure>& result);

/// Whether there is no worker to ask, and none to come by itself.
bool is_at_rest(const VmSummary& summary);

}  // namespace hvis::manager
