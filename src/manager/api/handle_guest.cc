#include "manager/api/handlers.h"
#include "manager/api/worker_request.h"

namespace hvis::manager {

void show_time(ApiContext& context, const ApiRequest& request, Responder responder) {
    pass_on(context, request, responder, "time.show");
}

void sync_time(ApiContext& context, const ApiRequest& request, Responder responder) {
    pass_on_with_timeout(context, request, responder, "time.sync");
}

void show_ip(ApiContext& context, const ApiRequest& request, Responder responder) {
    pass_on_with_timeout(context, request, responder, "ip.show");
}

void set_ip(ApiContext& context, const ApiRequest& request, Responder responder) {
    pass_on_with_timeout(context, request, responder, "ip.set");
}

}  // namespace hvis::manager
