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
            each(with(vm_labels(vm), "service", text(service, "service")), service);
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
        Family uptime(
            families, MetricType::Gauge, "hvis_vm_uptime_seconds",
            "Time since the machine started or was last reset, when its status last changed");
        for_each_status(snapshot, [&](const VmSummary& vm, const Json& status) {
            if (const auto value = number(status, "uptime_ms")) {
                uptime.add(vm_labels(vm), *value / 1000);
            }
        });
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
    Family exits(families, MetricType::Counter, "hvis_vm_exits_total",
                 "Exits of virtual processors to the worker since it started");
    for_each_status(snapshot, [&](const VmSummary& vm, const Json& status) {
        if (const auto value = number(status, "exits")) {
            exits.add(vm_labels(vm), *value);
        }
    });
}

void add_services(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    {
        Family enabled(families, MetricType::Gauge, "hvis_service_enabled",
                       "Whether the administrator offers the service to the guest");
        for_each_service(snapshot, [&](Labels labels, const Json& service) {
            const Json* value = member(service, "enabled");
            enabled.add(std::move(labels), value != nullptr && *value == true ? 1 : 0);
        });
    }
    {
        Family primary(families, MetricType::Gauge, "hvis_service_status",
                       "1 for the primary status of the service, 0 for the others");
        for_each_service(snapshot, [&](const Labels& labels, const Json& service) {
            const std::string current = text(service, "primary");
            for (const std::string_view word : kPrimaries) {
                primary.add(with(labels, "status", word), current == word ? 1 : 0);
            }
        });
    }
    Family since(families, MetricType::Gauge, "hvis_service_since_seconds",
                 "When the primary status of the service last changed, seconds since 1970");
    for_each_service(snapshot, [&](Labels labels, const Json& service) {
        if (const auto time = control::parse_time(text(service, "since"))) {
            since.add(std::move(labels), seconds_of(*time));
        }
    });
}

/// The worker's histogram: {"le_ms":[…],"counts":[…],"sum_ms":…}, one count more than bounds.
std::optional<ClientMetric> histogram_of(const Json& value) {
    const Json* bounds = member(value, "le_ms");
    const Json* counts = member(value, "counts");
    const auto sum = number(value, "sum_ms");
    if (bounds == nullptr || counts == nullptr || !bounds->is_array() || !counts->is_array() ||
        counts->size() != bounds->size() + 1 || !sum) {
        return std::nullopt;
    }
    ClientMetric metric;
    uint64_t total = 0;
    for (size_t index = 0; index < counts->size(); ++index) {
        const Json& count = (*counts)[index];
        if (!count.is_number_unsigned() ||
            (index < bounds->size() && !(*bounds)[index].is_number())) {
            return std::nullopt;
        }
        total += count.get<uint64_t>();
        ClientMetric::Bucket bucket;
        bucket.cumulative_count = total;
        bucket.upper_bound = index < bounds->size() ? (*bounds)[index].get<double>() / 1000
                                                    : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back(bucket);
    }
    metric.histogram.sample_count = total;
    metric.histogram.sample_sum = *sum / 1000;
    return metric;
}

/// What a worker tells about its heartbeat and clock in its status, where it does.
void add_links(std::vector<MetricFamily>& families, const MetricsSnapshot& snapshot) {
    {
        Family age(families, MetricType::Gauge, "hvis_heartbeat_age_seconds",
                   "Time since the guest last answered a heartbeat");
        for_each_status(snapshot, [&](const VmSummary& vm, const Json& status) {
            const Json* heartbeat = member(status, "heartbeat");
            if (heartbeat == nullptr) {
                return;
            }
            if (const auto last = control::parse_time(text(*heartbeat, "last_answer"))) {
                age.add(vm_labels(vm), std::max(0.0, seconds_of(snapshot.now) - seconds_of(*last)));
            }
        });
    }
    {
        Family trips(families, MetricType::Histogram, "hvis_heartbeat_round_trip_seconds",
                     "From a heartbeat to its answer");
        for_each_status(snapshot, [&](const VmSummary& vm, const Json& status) {
            const Json* heartbeat = member(status, "heartbeat");
            const Json* round_trip =
                heartbeat == nullptr ? nullptr : member(*heartbeat, "round_trip");
            if (round_trip == nullptr) {
                return;
            }
            if (auto metric = histogram_of(*round_trip)) {
                metric->label = vm_labels(vm);
                trips.add(*std::move(metric));
            }
        });
    }
    {
        Family offset(families, MetricType::Gauge, "hvis_clock_offset_seconds",
                      "How far the guest's clock was from the host's when it last told");
        for_each_status(snapshot, [&](const VmSummary& vm, const Json& status) {
            if (const auto value = number(status, "clock_offset_ms")) {
                offset.add(vm_labels(vm), *value / 1000);
            }
        });
    }
    Family rings(families, MetricType::Counter, "hvis_ring_bytes_total",
                 "Bytes through the rings of the VM's channels");
    for_each_status(snapshot, [&](const VmSummary& vm, const Json& status) {
        const Json* bytes = member(status, "ring_bytes");
        for (const char* direction : {"in", "out"}) {
            if (const auto value = bytes == nullptr ? std::nullopt : number(*bytes, direction)) {
                rings.add(with(vm_labels(vm), "direction", direction), *value);
            }
        }
    });
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
