#include "manager/api/metrics.h"

#include <array>
#include <optional>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "control/time_text.h"

namespace hvis::manager {
namespace {

using control::Json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

constexpr std::array<std::string_view, 8> kStates = {
    "stopped", "starting", "running", "paused", "stopping", "crashed", "failed", "unreachable"};
constexpr std::array<std::string_view, 7> kPrimaries = {
    "ok",     "degraded", "non_recoverable_error", "no_contact", "lost_communication",
    "paused", "disabled"};

/// All samples of one name.
class Family {
public:
    Family(std::vector<MetricFamily>& families, MetricType type, const char* name, const char* help)
        : families_(families) {
        family_.name = name;
        family_.help = help;
        family_.type = type;
    }
    Family(const Family&) = delete;
    Family& operator=(const Family&) = delete;
    ~Family() {
        if (!family_.metric.empty()) {
            families_.push_back(std::move(family_));
        }
    }
    void add(Labels labels, double value) {
        ClientMetric metric;
        metric.label = std::move(labels);
        if (family_.type == MetricType::Counter) {
            metric.counter.value = value;
        } else {
            metric.gauge.value = value;
        }
        family_.metric.push_back(std::move(metric));
    }
    void add(ClientMetric metric) { family_.metric.push_back(std::move(metric)); }

private:
    std::vector<MetricFamily>& families_;
    MetricFamily family_;
};

Labels vm_labels(const VmSummary& vm) {
    return {{"vm", vm.definition.name}, {"id", vm.definition.id.to_string()}};
}

Labels with(Labels labels, const char* name, std::string_view value) {
    labels.push_back({name, std::string(value)});
    return labels;
}

const Json* member(const Json& object, const char* name) {
    if (!object.is_object()) {
        return nullptr;
    }
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

std::optional<double> number(const Json& object, const char* name) {
    const Json* value = member(object, name);
    return value != nullptr && value->is_number() ? std::optional(value->get<double>())
                                                  : std::nullopt;
}

std::string text(const Json& object, const char* name) {
    const Json* value = member(object, name);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

double seconds_of(WallTime time) {
    return static_cast<double>(static_cast<int64_t>(time.ticks) - kUnixEpochInTicks) / 1e7;
}

/// Calls `each` with the status of every VM that has one.
template <class Each>
void for_each_status(const MetricsSnapshot& snapshot, Each each) {
    for (const VmSummary& vm : snapshot.vms) {
        if (vm.status != nullptr) {
            each(vm, *vm.status);
        }
    }
}

template <class Each>
void for_each_service(const MetricsSnapshot& snapshot, Each each) {
    for_each_status(snapshot, [&](const VmSummary& vm, const Json& status) {
        const Json* services = member(status, "services");
        if (services == nullptr || !services->is_array()) {
            return;
        }
        for (const Json& service : *services) {
            each(vm, with(vm_labels(vm), "service", text(service, "service")), service);
        }
    });
}

void add_vms(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    {
        Family states(families, MetricType::Gauge, "hvis_vm_state",
                      "1 for the state that the VM is in, 0 for the others");
        for (const VmSummary& vm : snapshot.vms) {
            for (const std::string_view state : kStates) {
                states.add(with(vm_labels(vm), "state", state), vm.state == state ? 1 : 0);
            }
        }
    }
    {
        Family uptime(families, MetricType::Gauge, "hvis_vm_uptime_seconds",
                      "Time since the machine started or was last reset");
        for (const VmSummary& vm : snapshot.vms) {
            if (const auto value = vm.uptime(snapshot.taken)) {
                uptime.add(vm_labels(vm), static_cast<double>(value->count()) / 1000);
            }
        }
    }
    {
        Family memory(families, MetricType::Gauge, "hvis_vm_memory_bytes", "Memory of the VM");
        Family processors(families, MetricType::Gauge, "hvis_vm_processors",
                          "Virtual processors of the VM");
        for (const VmSummary& vm : snapshot.vms) {
            memory.add(vm_labels(vm), static_cast<double>(vm.definition.memory));
            processors.add(vm_labels(vm), vm.definition.processors);
        }
    }
}

/// What a worker that does not answer said last is not so any more, for all that is known.
std::string primary_of(const VmSummary& vm, const Json& service) {
    std::string primary = text(service, "primary");
    const bool was_well = primary == "ok" || primary == "degraded";
    return vm.state == "unreachable" && was_well ? "lost_communication" : primary;
}

void add_services(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    {
        Family enabled(families, MetricType::Gauge, "hvis_service_enabled",
                       "Whether the administrator offers the service to the guest");
        for_each_service(snapshot, [&](const VmSummary&, Labels labels, const Json& service) {
            const Json* value = member(service, "enabled");
            enabled.add(std::move(labels), value != nullptr && *value == true ? 1 : 0);
        });
    }
    {
        Family primary(families, MetricType::Gauge, "hvis_service_status",
                       "1 for the primary status of the service, 0 for the others");
        for_each_service(snapshot,
                         [&](const VmSummary& vm, const Labels& labels, const Json& service) {
                             const std::string current = primary_of(vm, service);
                             for (const std::string_view word : kPrimaries) {
                                 primary.add(with(labels, "status", word), current == word ? 1 : 0);
                             }
                         });
    }
    Family since(families, MetricType::Gauge, "hvis_service_since_seconds",
                 "When the primary status of the service last changed, seconds since 1970");
    for_each_service(snapshot, [&](const VmSummary&, Labels labels, const Json& service) {
        if (const auto time = control::parse_time(text(service, "since"))) {
            since.add(std::move(labels), seconds_of(*time));
        }
    });
}

/// The worker's histogram (docs/control-protocol.md); nothing when it makes no sense.
std::optional<ClientMetric> histogram_of(const Json& value) {
    const Json* buckets = member(value, "buckets");
    const auto sum = number(value, "sum_us");
    if (buckets == nullptr || !buckets->is_array() || !sum) {
        return std::nullopt;
    }
    ClientMetric metric;
    uint64_t total = 0;
    for (const Json& bucket : *buckets) {
        const auto count = number(bucket, "count");
        const auto bound = number(bucket, "up_to_us");
        const bool last = &bucket == &buckets->back();
        if (!count || *count < 0 || bound.has_value() == last) {
            return std::nullopt;
        }
        total += static_cast<uint64_t>(*count);
        ClientMetric::Bucket shown;
        shown.cumulative_count = total;
        shown.upper_bound = bound ? *bound / 1e6 : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back(shown);
    }
    metric.histogram.sample_count = total;
    metric.histogram.sample_sum = *sum / 1e6;
    return metric;
}

/// Calls `each` with the counters of every VM that was asked for them, and their age in seconds.
template <class Each>
void for_each_stats(const MetricsSnapshot& snapshot, Each each) {
    for (const VmSummary& vm : snapshot.vms) {
        if (const auto found = snapshot.stats.find(vm.definition.id);
            found != snapshot.stats.end()) {
            const std::chrono::duration<double> age = snapshot.taken - found->second.at;
            each(vm, *found->second.stats, age.count());
        }
    }
}

void add_heartbeats(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    {
        Family ages(families, MetricType::Gauge, "hvis_heartbeat_age_seconds",
                    "Time since the guest last answered a heartbeat");
        for_each_stats(snapshot, [&](const VmSummary& vm, const Json& stats, double age) {
            const Json* heartbeat = member(stats, "heartbeat");
            const auto value = heartbeat == nullptr ? std::nullopt : number(*heartbeat, "age_ms");
            if (value) {
                // What came after the sample is not known: the sample's age counts in full only
                // where the guest had been silent for longer than a round.
                const bool silent = *value / 1000 > age;
                ages.add(vm_labels(vm), *value / 1000 + (silent ? age : 0));
            }
        });
    }
    Family trips(families, MetricType::Histogram, "hvis_heartbeat_round_trip_seconds",
                 "From a heartbeat to its answer");
    for_each_stats(snapshot, [&](const VmSummary& vm, const Json& stats, double) {
        const Json* heartbeat = member(stats, "heartbeat");
        const Json* trip = heartbeat == nullptr ? nullptr : member(*heartbeat, "round_trip");
        if (trip != nullptr) {
            if (auto metric = histogram_of(*trip)) {
                metric->label = vm_labels(vm);
                trips.add(*std::move(metric));
            }
        }
    });
}

void add_clocks(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    Family offsets(families, MetricType::Gauge, "hvis_clock_offset_seconds",
                   "How far the guest's clock is ahead, where the guest tells");
    for_each_stats(snapshot, [&](const VmSummary& vm, const Json& stats, double) {
        const Json* clock = member(stats, "clock");
        if (const auto value = clock == nullptr ? std::nullopt : number(*clock, "offset_us")) {
            offsets.add(vm_labels(vm), *value / 1e6);
        }
    });
}

void add_exits(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    Family exits(families, MetricType::Counter, "hvis_vm_exits_total",
                 "Exits of virtual processors to the worker since it started");
    for_each_stats(snapshot, [&](const VmSummary& vm, const Json& stats, double) {
        const Json* reasons = member(stats, "exits");
        if (reasons == nullptr || !reasons->is_object()) {
            return;
        }
        for (const auto& [reason, count] : reasons->items()) {
            if (count.is_number()) {
                exits.add(with(vm_labels(vm), "reason", reason), count.template get<double>());
            }
        }
    });
}

/// A counter "kvp.bytes_sent" is about the ring of the service kvp.
void add_ring(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot,
              const char* unit, const char* name, const char* help) {
    Family rings(families, MetricType::Counter, name, help);
    for_each_stats(snapshot, [&](const VmSummary& vm, const Json& stats, double) {
        const Json* counters = member(stats, "counters");
        for (const std::string_view service : control::kServiceWords) {
            for (const char* direction : {"sent", "received"}) {
                const std::string key = std::string(service) + "." + unit + "_" + direction;
                const auto value =
                    counters == nullptr ? std::nullopt : number(*counters, key.c_str());
                if (value) {
                    rings.add(with(with(vm_labels(vm), "service", service), "direction", direction),
                              *value);
                }
            }
        }
    });
}

void add_links(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    add_heartbeats(families, snapshot);
    add_clocks(families, snapshot);
    add_exits(families, snapshot);
    add_ring(families, snapshot, "bytes", "hvis_ring_bytes_total",
             "Payload through the rings of a service");
    add_ring(families, snapshot, "packets", "hvis_ring_packets_total",
             "Packets through the rings of a service");
}

void add_one(std::vector<MetricFamily>& families, MetricType type, const char* name,
             const char* help, double value) {
    Family(families, type, name, help).add(Labels{}, value);
}

void add_manager(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    Family(families, MetricType::Gauge, "hvis_manager_info",
           "Always 1; the labels tell the version")
        .add(Labels{{"version", snapshot.version}}, 1);
    const auto counter = [&](const char* name, const char* help, uint64_t value) {
        add_one(families, MetricType::Counter, name, help, static_cast<double>(value));
    };
    const auto gauge = [&](const char* name, const char* help, double value) {
        add_one(families, MetricType::Gauge, name, help, value);
    };
    gauge("hvis_vms", "VMs that are defined", static_cast<double>(snapshot.vms.size()));
    counter("hvis_http_requests_total", "Requests whose header was read", snapshot.http_requests);
    counter("hvis_http_refused_total", "Answers with a status of 400 to 499",
            snapshot.http_refused);
    counter("hvis_http_failed_total", "Answers with a status of 500 to 599", snapshot.http_failed);
    counter("hvis_http_timeouts_total", "Connections that were too slow", snapshot.http_timed_out);
    counter("hvis_http_turned_away_total", "Connections past the limit", snapshot.http_turned_away);
    gauge("hvis_http_connections", "Connections that are open",
          static_cast<double>(snapshot.http_connections));
    gauge("hvis_http_streams", "Event streams that are open",
          static_cast<double>(snapshot.streams));
    counter("hvis_requests_handled_total", "Requests that came to the manager thread",
            snapshot.requests_handled);
    gauge("hvis_operations_running", "Operations under way",
          static_cast<double>(snapshot.operations_running));
    counter("hvis_events_total", "Events that the log has taken in", snapshot.last_event);
    counter("hvis_journal_dropped_total",
            "Events that a journal which was held up did not get; the log has them",
            snapshot.journal_dropped);
    gauge("hvis_store_commit_seconds", "How long the last commit for a scrape took",
          snapshot.flush_seconds);
}

}  // namespace

std::string metrics_text(const MetricsSnapshot& snapshot) {
    std::vector<MetricFamily> families;
    add_vms(families, snapshot);
    add_services(families, snapshot);
    add_links(families, snapshot);
    add_manager(families, snapshot);
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    return std::move(out).str();
}

}  // namespace hvis::manager
