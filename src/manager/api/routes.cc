#include "manager/api/routes.h"

#include <array>

#include "manager/api/handlers.h"

namespace hvis::manager {
namespace {

using enum Method;
using enum Role;

// What scrapers put behind /metrics is theirs.
constexpr auto kRoutes = std::to_array<Route>({
    {kGet, "/api/v1/version", kViewer, Body::kNone, show_version},
    {kGet, "/api/v1/openapi.yaml", kViewer, Body::kNone, show_contract},
    {kGet, "/api/v1/host", kViewer, Body::kNone, show_host},
    {kPost, "/api/v1/host/stop-all", kAdministrator, Body::kNone, stop_all_vms},

    {kGet, "/api/v1/vms", kViewer, Body::kNone, list_vms, Parameters::kRead},
    {kPost, "/api/v1/vms", kAdministrator, Body::kRequired, define_vm},
    {kPost, "/api/v1/vms/import", kAdministrator, Body::kRequired, import_vm},
    {kGet, "/api/v1/vms/{vm}", kViewer, Body::kNone, show_vm},
    {kPatch, "/api/v1/vms/{vm}", kAdministrator, Body::kRequired, change_vm},
    {kDelete, "/api/v1/vms/{vm}", kAdministrator, Body::kNone, delete_vm},
    {kPost, "/api/v1/vms/{vm}/export", kAdministrator, Body::kRequired, export_vm},

    {kPost, "/api/v1/vms/{vm}/start", kOperator, Body::kNone, start_vm},
    {kPost, "/api/v1/vms/{vm}/stop", kOperator, Body::kOptional, stop_vm},
    {kPost, "/api/v1/vms/{vm}/restart", kOperator, Body::kOptional, restart_vm},
    {kPost, "/api/v1/vms/{vm}/hibernate", kOperator, Body::kOptional, hibernate_vm},
    {kPost, "/api/v1/vms/{vm}/power-off", kOperator, Body::kNone, power_off_vm},
    {kPost, "/api/v1/vms/{vm}/pause", kOperator, Body::kNone, pause_vm},
    {kPost, "/api/v1/vms/{vm}/resume", kOperator, Body::kNone, resume_vm},
    {kPost, "/api/v1/vms/{vm}/reset", kOperator, Body::kNone, reset_vm},
    {kPost, "/api/v1/vms/{vm}/wait", kViewer, Body::kRequired, wait_for_vm},

    {kGet, "/api/v1/vms/{vm}/status", kViewer, Body::kNone, show_status},
    {kGet, "/api/v1/vms/{vm}/stats", kViewer, Body::kNone, show_stats},
    {kGet, "/api/v1/vms/{vm}/services", kViewer, Body::kNone, list_services},
    {kPatch, "/api/v1/vms/{vm}/services/{service}", kOperator, Body::kRequired, switch_service},
    {kGet, "/api/v1/vms/{vm}/heartbeat", kViewer, Body::kNone, show_heartbeat},
    {kPatch, "/api/v1/vms/{vm}/heartbeat", kOperator, Body::kRequired, change_heartbeat},
    {kPost, "/api/v1/vms/{vm}/heartbeat/test", kOperator, Body::kNone, test_heartbeat},
    {kGet, "/api/v1/vms/{vm}/time", kViewer, Body::kNone, show_time},
    {kPost, "/api/v1/vms/{vm}/time/sync", kOperator, Body::kOptional, sync_time, Parameters::kRead},
    {kGet, "/api/v1/vms/{vm}/ip", kViewer, Body::kNone, show_ip, Parameters::kRead},
    {kPut, "/api/v1/vms/{vm}/ip", kOperator, Body::kRequired, set_ip, Parameters::kRead},

    {kGet, "/api/v1/vms/{vm}/kvp/{pool}", kViewer, Body::kNone, list_pairs, Parameters::kRead},
    {kPost, "/api/v1/vms/{vm}/kvp/{pool}", kOperator, Body::kRequired, add_pair, Parameters::kRead},
    {kGet, "/api/v1/vms/{vm}/kvp/{pool}/watch", kViewer, Body::kNone, watch_pairs,
     Parameters::kRead},
    {kGet, "/api/v1/vms/{vm}/kvp/{pool}/{key}", kViewer, Body::kNone, show_pair, Parameters::kRead},
    {kPut, "/api/v1/vms/{vm}/kvp/{pool}/{key}", kOperator, Body::kRequired, set_pair,
     Parameters::kRead},
    {kDelete, "/api/v1/vms/{vm}/kvp/{pool}/{key}", kOperator, Body::kNone, delete_pair,
     Parameters::kRead},

    {kGet, "/api/v1/events", kViewer, Body::kNone, list_events, Parameters::kRead},
    {kGet, "/api/v1/operations", kViewer, Body::kNone, list_operations, Parameters::kRead},
    {kGet, "/api/v1/operations/{id}", kViewer, Body::kNone, show_operation, Parameters::kRead},
    {kDelete, "/api/v1/operations/{id}", kOperator, Body::kNone, cancel_operation},

    {kGet, "/api/v1/tokens", kAdministrator, Body::kNone, list_tokens},
    {kPost, "/api/v1/tokens", kAdministrator, Body::kRequired, make_token},
    {kDelete, "/api/v1/tokens/{id}", kAdministrator, Body::kNone, delete_token},
    {kPost, "/api/v1/database/backup", kAdministrator, Body::kRequired, backup_database},
    {kGet, "/metrics", kViewer, Body::kNone, show_metrics, Parameters::kRead},
});

}  // namespace

std::span<const Route> api_routes() { return kRoutes; }

}  // namespace hvis::manager
