#pragma once

#include "manager/api/api_context.h"

namespace hvis::manager {

/// Handlers of the routes in routes.cc, by file. Manager thread.

// handle_vms.cc
void list_vms(ApiContext& context, const ApiRequest& request, Responder responder);
void define_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void show_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void change_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void delete_vm(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_power.cc
void start_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void stop_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void restart_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void hibernate_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void power_off_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void pause_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void resume_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void reset_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void wait_for_vm(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_services.cc
void show_status(ApiContext& context, const ApiRequest& request, Responder responder);
void show_stats(ApiContext& context, const ApiRequest& request, Responder responder);
void list_services(ApiContext& context, const ApiRequest& request, Responder responder);
void switch_service(ApiContext& context, const ApiRequest& request, Responder responder);
void show_heartbeat(ApiContext& context, const ApiRequest& request, Responder responder);
void change_heartbeat(ApiContext& context, const ApiRequest& request, Responder responder);
void test_heartbeat(ApiContext& context, const ApiRequest& request, Responder responder);
// handle_guest.cc
void show_time(ApiContext& context, const ApiRequest& request, Responder responder);
void sync_time(ApiContext& context, const ApiRequest& request, Responder responder);
void show_ip(ApiContext& context, const ApiRequest& request, Responder responder);
void set_ip(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_kvp.cc
void list_pairs(ApiContext& context, const ApiRequest& request, Responder responder);
void show_pair(ApiContext& context, const ApiRequest& request, Responder responder);
void set_pair(ApiContext& context, const ApiRequest& request, Responder responder);
void add_pair(ApiContext& context, const ApiRequest& request, Responder responder);
void delete_pair(ApiContext& context, const ApiRequest& request, Responder responder);
// kvp_watch.cc
void watch_pairs(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_events.cc
void list_events(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_operations.cc
void list_operations(ApiContext& context, const ApiRequest& request, Responder responder);
void show_operation(ApiContext& context, const ApiRequest& request, Responder responder);
void cancel_operation(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_tokens.cc
void list_tokens(ApiContext& context, const ApiRequest& request, Responder responder);
void make_token(ApiContext& context, const ApiRequest& request, Responder responder);
void delete_token(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_host.cc
void show_version(ApiContext& context, const ApiRequest& request, Responder responder);
void show_contract(ApiContext& context, const ApiRequest& request, Responder responder);
void show_host(ApiContext& context, const ApiRequest& request, Responder responder);
void stop_all_vms(ApiContext& context, const ApiRequest& request, Responder responder);
void backup_database(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_transfer.cc
void export_vm(ApiContext& context, const ApiRequest& request, Responder responder);
void import_vm(ApiContext& context, const ApiRequest& request, Responder responder);

// handle_metrics.cc
void show_metrics(ApiContext& context, const ApiRequest& request, Responder responder);

}  // namespace hvis::manager
