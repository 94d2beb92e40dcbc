#include "worker/client/show.h"

#include <nlohmann/json.hpp>

#include "control/show.h"
#include "control/show_fields.h"

namespace hvis::worker {
namespace {

using control::Json;

/// One overload for each request that has something to show.
struct Shower {
    const Json& result;

    std::string operator()(const auto&) const { return {}; }
    std::string operator()(const control::StatusCommand&) const {
        return control::show_status(result);
    }
    std::string operator()(const control::StatsCommand&) const {
        return control::show_stats(result);
    }
    std::string operator()(const control::ServiceListCommand&) const {
        return control::show_services(control::member_of(result, "services"));
    }
    std::string operator()(const control::KvpListCommand&) const {
        return control::show_pairs(result);
    }
    std::string operator()(const control::KvpGetCommand&) const {
        return control::show_one_value(result);
    }
    std::string operator()(const control::IpShowCommand&) const {
        return control::show_addresses(result);
    }
    std::string operator()(const control::TimeShowCommand&) const {
        return control::show_time(result);
    }
    std::string operator()(const control::HeartbeatShowCommand&) const {
        return control::show_heartbeat(result);
    }
    std::string operator()(const control::HeartbeatSetCommand&) const {
        return control::show_heartbeat(result);
    }
    std::string operator()(const control::EventsListCommand&) const {
        return control::show_events(result);
    }
};

}  // namespace

std::string show_result(const control::Command& command, const Json& result) {
    return std::visit(Shower{result}, command);
}

}  // namespace hvis::worker
