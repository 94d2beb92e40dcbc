#include "cli/fake_hvisd.h"

#include <array>
#include <cerrno>

#include "cli/run.h"

namespace hvis::cli {
namespace {

struct Fixed {
    const char* line;  ///< method and path, without the query
    int status;
    const char* body;
};

constexpr const char* kService =
    R"({"service":"heartbeat","enabled":true,"primary":"ok","secondary":"ok","framework":"3.0",
        "message":"3.0","max_version":"3.0","since":"2026-03-01T12:00:00.000Z","explanation":"beats are answered",
        "applications":"healthy"})";
constexpr const char* kDefinition =
    R"({"id":"5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f","name":"web","memory":536870912,"processors":2,
        "partition":"kvm","kernel":"/boot/vmlinuz","initrd":"","append":"console=ttyS0",
        "services":{"heartbeat":true,"kvp":false},"service_versions":{"kvp":"4.0"},"on_crash":"stop","on_reset":"restart",
        "heartbeat":{"interval_ms":2000,"latency_ms":1000,"misses":2,"window":3,"grace_ms":30000,
                     "on_loss":"none","attempts":3},
        "autostart":{"enabled":true,"order":100,"delay_ms":0,"stop_timeout_ms":60000},
        "restart":{"when":"on_failure","attempts":5,"first_delay_ms":1000,"longest_delay_ms":60000,
                   "forgive_after_ms":600000},
        "vmbus":{"max_version":"5.2"}})";
constexpr const char* kStatus =
    R"({"name":"web","id":"5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f","state":"running","uptime_ms":65000,
        "processors":2,"memory":536870912,"vmbus_version":"5.3","exits":7,
        "guest":{"os_name":"Debian \u001b[31mGNU/Linux","ipv4":["192.0.2.10"],"ipv6":[]},
        "services":[SERVICE]})";
constexpr const char* kWeb =
    R"({"id":"5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f","name":"web","state":"running","explanation":"",
        "since":"2026-03-01T12:00:00.000Z","definition":DEFINITION,"status":STATUS})";
constexpr const char* kDb =
    R"({"id":"00000000-0000-4000-8000-000000000001","name":"db","state":"failed",
        "explanation":"its worker ended with status 1 and is not restarted",
        "definition":{"name":"db","memory":67108864,"processors":1,"services":{"kvp":true}}})";
constexpr const char* kDone =
    R"({"id":"11111111-2222-4333-8444-555555555555","kind":"vm.stop","vm_name":"web",
        "caller":"uid 0","state":"succeeded","step":"","created":"2026-03-01T12:00:00.000Z",
        "result":{"events":3}})";
constexpr const char* kRunning =
    R"({"id":"11111111-2222-4333-8444-555555555555","kind":"vm.stop","vm_name":"web",
        "caller":"uid 0","state":"running","progress":0.5,"step":"waiting for the guest",
        "created":"2026-03-01T12:00:00.000Z"})";
constexpr const char* kPairs =
    R"({"pool":"auto","pairs":[{"key":"OSName","value":"Debian"},{"key":"role","value":"\u0007x"}]})";
constexpr const char* kHeartbeat =
    R"({"policy":{"interval_ms":2000,"latency_ms":1000,"misses":2,"window":3,"grace_ms":30000,
                  "on_loss":"none","attempts":3},
        "service":SERVICE,"sent":10,"answered":9,"missed":1,"attempts_used":0})";
constexpr const char* kEvents =
    R"({"events":[{"sequence":41,"time":"2026-03-01T12:00:00.000Z","vm_name":"web","id":3001,
                   "name":"heartbeat_lost","severity":"error","service":"heartbeat",
                   "text":"the guest \u001b is silent","fields":{}}],"last":41})";
constexpr const char* kTokens =
    R"({"tokens":[{"id":"22222222-2222-4333-8444-555555555555","name":"ci","role":"operator",
                   "created":"2026-03-01T12:00:00.000Z"}]})";

constexpr std::array kFixed = {
    Fixed{"GET /vms", 200, R"({"vms":[DB,WEB]})"},
    Fixed{"POST /vms", 201, "WEB"},
    Fixed{"GET /vms/web", 200, "WEB"},
    Fixed{"PATCH /vms/web", 200,
          R"({"name":"web","pending":["memory"],"warnings":["there is no /boot/old"]})"},
    Fixed{"DELETE /vms/web", 204, ""},
    Fixed{"GET /vms/db", 200, "DB"},
    Fixed{"GET /vms/web/status", 200, "STATUS"},
    Fixed{"POST /vms/web/start", 202, "RUNNING"},
    Fixed{"POST /vms/web/stop", 202, "RUNNING"},
    Fixed{"POST /vms/web/restart", 202, "RUNNING"},
    Fixed{"POST /vms/web/hibernate", 202, "RUNNING"},
    Fixed{"POST /vms/web/power-off", 202, "RUNNING"},
    Fixed{"POST /vms/web/wait", 202, "RUNNING"},
    Fixed{"POST /vms/web/export", 202, "RUNNING"},
    Fixed{"POST /vms/import", 202, "RUNNING"},
    Fixed{"POST /vms/web/pause", 200, "{}"},
    Fixed{"POST /vms/web/resume", 200, "{}"},
    Fixed{"POST /vms/web/reset", 200, "{}"},
    Fixed{"GET /vms/web/services", 200,
          R"({"services":[SERVICE],"not_offered":[{"service":"vss"},{"service":"file-copy"}]})"},
    Fixed{"GET /vms/web/stats", 200,
          R"({"exits":{"halt":12},"counters":{"kvp.bytes_received":4096},
              "heartbeat":{"age_ms":900,"round_trip":{"buckets":[{"up_to_us":1000,"count":7}]}}})"},
    Fixed{"PATCH /vms/web/services/kvp", 200, R"({"service":"kvp","note":"no daemon yet"})"},
    Fixed{"GET /vms/web/heartbeat", 200, "HEARTBEAT"},
    Fixed{"PATCH /vms/web/heartbeat", 200, "HEARTBEAT"},
    Fixed{"POST /vms/web/heartbeat/test", 200,
          R"({"event":{"sequence":42},"deliveries":[{"hook":"pager","state":"taken","attempts":1,
              "took_ms":120,"problem":""}]})"},
    Fixed{"GET /vms/web/time", 200, R"({"host_time":"2026-03-01T12:00:00.000Z","syncs":1})"},
    Fixed{"POST /vms/web/time/sync", 200, "{}"},
    Fixed{"GET /vms/web/ip", 200, R"({"ipv4":["192.0.2.10"],"ipv6":["fe80::1"]})"},
    Fixed{"PUT /vms/web/ip", 200, "{}"},
    Fixed{"GET /vms/web/kvp/auto", 200, "PAIRS"},
    Fixed{"GET /vms/web/kvp/external", 200, "PAIRS"},
    Fixed{"POST /vms/web/kvp/external", 200, "{}"},
    Fixed{"GET /vms/web/kvp/auto/OSName", 200, R"({"key":"OSName","value":"Debian"})"},
    Fixed{"PUT /vms/web/kvp/external/role", 200, "{}"},
    Fixed{"PUT /vms/web/kvp/external/new", 200, "{}"},
    Fixed{"DELETE /vms/web/kvp/external/role", 200, "{}"},
    Fixed{"DELETE /vms/web/kvp/external/OSName", 200, "{}"},
    Fixed{"GET /events", 200, "EVENTS"},
    Fixed{"GET /operations", 200, R"({"operations":[RUNNING]})"},
    Fixed{"GET /operations/11111111-2222-4333-8444-555555555555", 200, "DONE"},
    Fixed{"DELETE /operations/11111111-2222-4333-8444-555555555555", 202, "{}"},
    Fixed{"GET /tokens", 200, "TOKENS"},
    Fixed{"POST /tokens", 201, R"({"id":"x","name":"ci","role":"operator","token":"s3cret"})"},
    Fixed{"DELETE /tokens/x", 204, ""},
    Fixed{
        "GET /host", 200,
        R"({"name":"lab","kvm":{"usable":true,"explanation":"KVM \u0007"},"launcher":{"kind":"child","explanation":"no systemd","hint":""}})"},
    Fixed{"POST /host/stop-all", 202, "RUNNING"},
    Fixed{"POST /database/backup", 202, "RUNNING"},
    Fixed{"GET /version", 200, R"({"version":"9.9.9"})"},
};

/// Puts the documents where their names stand.
std::string filled(std::string body) {
    const std::array<std::pair<std::string_view, const char*>, 11> parts = {
        {{"WEB", kWeb},
         {"DB", kDb},
         {"DEFINITION", kDefinition},
         {"STATUS", kStatus},
         {"HEARTBEAT", kHeartbeat},
         {"SERVICE", kService},
         {"RUNNING", kRunning},
         {"DONE", kDone},
         {"PAIRS", kPairs},
         {"EVENTS", kEvents},
         {"TOKENS", kTokens}}};
    for (const auto& [name, part] : parts) {
        for (size_t at = body.find(name); at != std::string::npos; at = body.find(name, at)) {
            body.replace(at, name.size(), part);
        }
    }
    return body;
}

}  // namespace

FakeHvisd::FakeHvisd() : server_([this](const FakeRequest& request) { return reply(request); }) {
    const std::scoped_lock lock(mutex_);
    for (const Fixed& fixed : kFixed) {
        const std::string line = fixed.line;
        const size_t blank = line.find(' ');
        replies_[line.substr(0, blank + 1) + "/api/v1" + line.substr(blank + 1)] =
            reply_text(fixed.status, filled(fixed.body));
    }
}

std::vector<std::string> FakeHvisd::take_lines() {
    std::vector<std::string> lines = server_.lines();
    lines.erase(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(taken_));
    taken_ += lines.size();
    return lines;
}

void FakeHvisd::answer(const std::string& line, int status, const std::string& body) {
    const std::scoped_lock lock(mutex_);
    replies_[line] = reply_text(status, filled(body));
}

std::string FakeHvisd::reply(const FakeRequest& request) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    const std::scoped_lock lock(mutex_);
    const auto found = replies_.find(request.method + " " + path);
    return found != replies_.end()
               ? found->second
               : reply_text(404, R"({"title":"Not Found","detail":"there is no such thing",
                                     "code":"not_found","hint":"look at the list"})",
                            "application/problem+json");
}

Outcome run_hvis(const std::string& socket, std::vector<std::string> words, Place place) {
    Outcome outcome;
    const bool terminal = place == Place::kTerminal;
    const int refusal = place == Place::kFullDisk     ? ENOSPC
                        : place == Place::kReaderGone ? EPIPE
                                                      : 0;
    int error = 0;
    const Output output{.out =
                            [&](std::string_view text) {
                                error = refusal;
                                outcome.out += refusal == 0 ? text : "";
                                return refusal == 0;
                            },
                        .err = [&](std::string_view text) { outcome.err += text; },
                        .out_error = [&] { return error; },
                        .in_terminal = terminal,
                        .out_terminal = terminal,
                        .err_terminal = terminal};
    const Surroundings surroundings{
        .variable =
            [&](const char* name) {
                return std::string_view(name) == "HVIS_SOCKET" ? socket : std::string();
            },
        .exists = [](const std::string&) { return false; }};
    outcome.status = run(words, output, surroundings, -1);
    return outcome;
}

}  // namespace hvis::cli
