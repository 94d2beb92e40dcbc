#pragma once

#include <map>
#include <string>
#include <vector>

#include "manager/api/http_server.h"
#include "manager/api/stats_sampler.h"
#include "manager/supervisor/supervisor.h"

namespace hvis::manager {

/// What one scrape shows; taken on the manager thread, turned into text elsewhere.
struct MetricsSnapshot {
    std::vector<VmSummary> vms;
    std::map<Guid, StatsSampler::Sample> stats;  ///< of those that run, some seconds old
    TimePoint taken;
    std::string version;
    uint64_t requests_handled = 0;
    uint64_t operations_running = 0;
    uint64_t last_event = 0;
    uint64_t streams = 0;
    double flush_seconds = 0;  ///< how long the store took for the events that waited
    uint64_t journal_dropped = 0;
    // of HttpCounters
    uint64_t http_requests = 0;
    uint64_t http_refused = 0;
    uint64_t http_failed = 0;
    uint64_t http_timed_out = 0;
    uint64_t http_turned_away = 0;
    uint64_t http_connections = 0;
};

/// The snapshot in Prometheus' text format. Everything comes from the statuses that the workers
/// push: a scrape asks no worker for anything. Names and meanings: docs/metrics.md.
std::string metrics_text(const MetricsSnapshot& snapshot);

}  // namespace hvis::manager
