#include <map>
#include <ranges>

#include <nlohmann/json.hpp>
#include <sys/utsname.h>
#include <unistd.h>

#include "control/time_text.h"
#include "manager/api/absolute_path.h"
#include "manager/api/handlers.h"
#include "manager/api/kvm_check.h"
#include "manager/api/openapi_yaml.h"
#include "manager/store/database.h"
#include "manager/supervisor/unknown_workers.h"

namespace hvis::manager {
namespace {

using control::Json;

std::string host_name() {
    utsname names{};
    return ::uname(&names) == 0 ? names.nodename : "";
}

std::string kernel_release() {
    utsname names{};
    return ::uname(&names) == 0 ? names.release : "";
}

Json launcher_json(const LauncherChoice& choice) {
    return {{"kind", to_text(choice.kind)}, {"explanation", choice.why}, {"hint", choice.hint}};
}

Json host_json(ApiContext& context, const KvmCheck::Answer& kvm) {
    std::map<std::string, uint64_t> states;
    for (const VmSummary& summary : context.supervisor.list()) {
        ++states[summary.state];
    }
    const long processors = ::sysconf(_SC_NPROCESSORS_ONLN);
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page_size = ::sysconf(_SC_PAGESIZE);
    return {{"name", host_name()},
            {"kernel", kernel_release()},
            {"version", context.info.version},
            {"started", control::time_text(context.info.started)},
            {"processors", processors},
            {"memory", static_cast<int64_t>(pages) * page_size},
            {"kvm", {{"usable", kvm.usable}, {"explanation", kvm.explanation}}},
            {"launcher", launcher_json(context.info.launcher)},
            {"state_directory", context.info.state_directory},
            {"runtime_directory", context.info.runtime_directory},
            {"vms",
             {{"count", context.supervisor.count()},
              {"limit", Supervisor::kMaxVms},
              {"states", states}}}};
}

/// All VMs that are known have stopped; but nobody asks the guests of the others.
Failure not_all_stopped(const std::vector<UnknownWorker>& workers) {
    constexpr size_t kNamed = 8;
    std::string names;
    for (const UnknownWorker& worker : workers | std::views::take(kNamed)) {
        names += (names.empty() ? "" : "; ") + worker.text();
    }
    if (workers.size() > kNamed) {
        names += "; and " + std::to_string(workers.size() - kNamed) + " more";
    }
    return control::make_failure(
        control::ErrorCode::kFailed,
        "all VMs that hvisd knows are stopped, but workers run that its database knows nothing "
        "of: " +
            names,
        workers.front().hint());
}

}  // namespace

void show_version(ApiContext& context, const ApiRequest&, Responder responder) {
    responder.json({{"program", "hvisd"}, {"version", context.info.version}, {"api", "v1"}});
}

void show_contract(ApiContext&, const ApiRequest&, Responder responder) {
    HttpResponse response{
        .content_type = "application/yaml", .headers = {}, .body = {}, .render = {}};
    response.body.assign(kOpenapiYaml.begin(), kOpenapiYaml.end());
    responder.respond(std::move(response));
}

void show_host(ApiContext& context, const ApiRequest&, Responder responder) {
    context.kvm.ask([&context, responder](const KvmCheck::Answer& kvm) {
        responder.json(host_json(context, kvm));
    });
}

void stop_all_vms(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto work = begin_operation(context, request, responder, "host.stop_all", std::nullopt);
    if (work == nullptr) {
        return;
    }
    work->progress(std::nullopt, "waiting for the guests to shut down");
    context.supervisor.stop_all([&context, work] {
        const auto workers = unknown_workers(context.info.runtime_directory, [&](const Guid& vm) {
            return context.supervisor.find(vm.to_string()).has_value();
        });
        if (workers.empty()) {
            work->done();
        } else {
            work->failed(not_all_stopped(workers));
        }
    });
    answer_accepted(context, responder, work->id());
}

void backup_database(ApiContext& context, const ApiRequest& request, Responder responder) {
    control::FieldReader reader(*request.body);
    const std::string path = read_path(reader, "path");
    if (const auto finished = reader.finish(); !finished) {
        responder.fail(control::usage_failure(finished.error()));
        return;
    }
    // What waits for its batch belongs into the copy too.
    if (const auto flushed = context.events.flush(); !flushed) {
        responder.fail(flushed.error());
        return;
    }
    const auto work = begin_operation(context, request, responder, "database.backup", std::nullopt);
    if (work == nullptr) {
        return;
    }
    work->progress(std::nullopt, "copying the database");
    const auto result = std::make_shared<Result<void, Failure>>();
    const auto started = context.background.run(
        [database = context.info.database, path, result](const std::atomic<bool>&) {
            *result = Database::back_up_file(database, path);
        },
        [work, result] { end_operation(*work, *result); });
    if (started == nullptr) {
        work->failed(control::make_failure(control::ErrorCode::kUnavailable,
                                           "too much is being copied already", "try again later"));
    }
    answer_accepted(context, responder, work->id());
}

}  // namespace hvis::manager
