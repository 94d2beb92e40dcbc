#include <algorithm>

#include "manager/api/handlers.h"
#include "manager/api/metrics.h"

namespace hvis::manager {

void show_metrics(ApiContext& context, const ApiRequest&, Responder responder) {
    const TimePoint begin = loop::Loop::now();
    // A store that cannot be written must not hide the other numbers.
    [[maybe_unused]] const auto flushed = context.events.flush();
    const std::chrono::duration<double> took = loop::Loop::now() - begin;
    const auto operations = context.operations.list();
    const TimePoint now = loop::Loop::now();
    MetricsSnapshot snapshot{.vms = context.supervisor.list(),
                             .stats = context.sampler.take(now),
                             .taken = now,
                             .version = context.info.version,
                             .requests_handled = context.handled,
                             .operations_running = static_cast<uint64_t>(std::ranges::count(
                                 operations, OperationState::kRunning, &Operation::state)),
                             .last_event = context.events.last(),
                             .streams = context.streams.count(),
                             .flush_seconds = took.count(),
                             .journal_dropped = context.journal.dropped()};
    if (context.server != nullptr) {
        const HttpCounters& counters = context.server->counters();
        snapshot.http_requests = counters.requests;
        snapshot.http_refused = counters.refused;
        snapshot.http_failed = counters.failed;
        snapshot.http_timed_out = counters.timed_out;
        snapshot.http_turned_away = counters.turned_away;
        snapshot.http_connections = counters.connections;
    }
    HttpResponse response{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                          .headers = {},
                          .body = {},
                          .render = {}};
    response.render = [snapshot = std::move(snapshot)] { return metrics_text(snapshot); };
    responder.respond(std::move(response));
}

}  // namespace hvis::manager
