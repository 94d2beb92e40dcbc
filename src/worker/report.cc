#include "worker/report.h"

#include <string>

#include <fmt/format.h>

#include "control/busy.h"
#include "ic/request.h"

namespace hvis::worker {

std::string version_text(ic::Version version) {
    return fmt::format("{}.{}", version.major, version.minor);
}

control::ServiceState service_state(vm::IntegrationServices& services, vm::ServiceKind kind) {
    const ic::ServiceReport report = services.report(kind);
    control::ServiceState state{.service = service_of(kind),
                                .enabled = services.is_enabled(kind),
                                .primary = std::string(to_string(report.primary)),
                                .secondary = std::string(to_string(report.secondary)),
                                .framework = {},
                                .message = {},
                                .since = report.since,
                                .explanation = report.explanation,
                                .applications = {}};
    if (report.framework) {
        state.framework = version_text(*report.framework);
    }
    if (report.message) {
        state.message = version_text(*report.message);
    }
    if (kind == vm::ServiceKind::kHeartbeat) {
        state.applications = to_string(services.heartbeat().applications());
    }
    return state;
}

void add_measurements(control::StatsResult& stats, vm::IntegrationServices& services) {
    const auto& heartbeat = services.heartbeat();
    if (const auto age = heartbeat.last_answer_age(services.clocks().now)) {
        stats.heartbeat_age = std::chrono::duration_cast<control::Milliseconds>(*age);
    }
    const auto& trips = heartbeat.round_trips();
    for (size_t index = 0; index < trips.counts.size(); ++index) {
        control::Histogram::Bucket bucket{.up_to_us = {}, .count = trips.counts[index]};
        if (index < trips.kBoundsUs.size()) {
            bucket.up_to_us = trips.kBoundsUs[index];
        }
        stats.heartbeat_round_trip.buckets.push_back(bucket);
    }
    stats.heartbeat_round_trip.sum_us = trips.sum_us;
    using std::chrono::microseconds;
    if (const auto offset = services.timesync().guest_offset()) {
        stats.clock_offset = std::chrono::duration_cast<microseconds>(*offset);
    }
    if (const auto took = services.timesync().round_trip()) {
        stats.clock_round_trip = std::chrono::duration_cast<microseconds>(*took);
    }
}

std::string_view shutdown_word(ic::ShutdownKind kind) {
    switch (kind) {
        case ic::ShutdownKind::kShutdown:
            return "shutdown";
        case ic::ShutdownKind::kRestart:
            return "restart";
        case ic::ShutdownKind::kHibernate:
            return "hibernate";
    }
    return "?";
}

ic::HeartbeatPolicy to_ic(const control::HeartbeatPolicy& policy) {
    return {.interval = policy.interval,
            .latency = policy.latency,
            .misses = policy.misses,
            .window = policy.window,
            .grace = policy.grace};
}

control::Failure refused_at_once(const Error& error, const ic::ServiceReport& report) {
    control::Failure failure{.code = control::ErrorCode::kFailed,
                             .message = std::string(error.what),
                             .hint = {},
                             .pointer = {},
                             .outcome = {},
                             .guest_status = {}};
    if (error == ic::kErrorDisabled) {
        failure.code = control::ErrorCode::kUnavailable;
        failure.outcome = to_string(ic::Outcome::kServiceDisabled);
        failure.message = "the service is disabled";
        failure.hint = "switch it on with 'service enable'";
    } else if (error == ic::kErrorNotConnected || error == ic::kErrorPaused) {
        failure.code = control::ErrorCode::kUnavailable;
        failure.outcome = to_string(ic::Outcome::kGuestNotConnected);
        failure.hint = report.explanation;
    } else if (error == ic::kErrorInProgress) {
        failure.outcome = control::kInProgress;
        failure.hint = "wait for its end";
    } else if (error == ic::kErrorTooMany) {
        failure.outcome = control::kBusy;
        failure.hint = "wait for some to end";
    } else if (error.code == Errc::kInvalid || error.code == Errc::kLimit) {
        failure.code = control::ErrorCode::kUsage;
    }
    return failure;
}

control::Failure failure_of(ic::Outcome outcome, uint32_t guest_status,
                            const ic::ServiceReport& report) {
    control::Failure failure{.code = control::ErrorCode::kFailed,
                             .message = {},
                             .hint = report.explanation,
                             .pointer = {},
                             .outcome = std::string(to_string(outcome)),
                             .guest_status = {}};
    switch (outcome) {
        case ic::Outcome::kDone:
            failure.message = "done";
            break;
        case ic::Outcome::kRefused:
            failure.message = fmt::format("the guest refused with status {:#010x}", guest_status);
            failure.guest_status = guest_status;
            failure.hint.clear();
            break;
        case ic::Outcome::kTimedOut:
            failure.code = control::ErrorCode::kTimedOut;
            failure.message = "the guest did not answer in time";
            break;
        case ic::Outcome::kServiceDisabled:
            failure.code = control::ErrorCode::kUnavailable;
            failure.message = "the service was disabled";
            failure.hint = "switch it on with 'service enable'";
            break;
        case ic::Outcome::kGuestNotConnected:
            failure.code = control::ErrorCode::kUnavailable;
            failure.message = "the guest is not connected to the service";
            break;
        case ic::Outcome::kCancelled:
            failure.message = "the request was cancelled";
            failure.hint.clear();
            break;
    }
    return failure;
}

}  // namespace hvis::worker
