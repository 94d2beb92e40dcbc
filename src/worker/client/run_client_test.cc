#include "worker/client/run_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/fake_worker.h"

namespace hvis::worker {
namespace {

using control::CommandResult;
using control::ErrorCode;
using control::Responder;
using control::ServiceState;
using testing::HasSubstr;

/// 2026-03-01T12:00:00.250Z.
constexpr WallTime kThen{static_cast<uint64_t>(kUnixEpochInTicks) + 17'723'664'002'500'000ULL};

ServiceState state_of(control::Service service) {
    return {.service = service,
            .enabled = true,
            .primary = "ok",
            .secondary = "ok",
            .framework = "3.0",
            .message = "3.2",
            .since = kThen,
            .explanation = "the guest answers",
            .applications = service == control::Service::kHeartbeat ? "unknown" : ""};
}

/// One answer for each request, the same every time.
struct Answers {
    CommandResult operator()(const auto&) const { return {}; }
    CommandResult operator()(const control::StatusCommand&) const {
        control::StatusResult result;
        result.name = "web";
        result.id = "5c0a";
        result.state = "running";
        result.uptime = std::chrono::minutes(61);
        result.processors = 2;
        result.memory = 512U << 20U;
        result.vmbus_version = "5.3";
        result.guest.emplace();
        result.guest->os_name = "Debian\x1b[2J";
        result.guest->os_version = "12";
        result.guest->fqdn = "web.example.org";
        result.guest->ipv4 = {"10.0.0.5"};
        result.guest->ipv6 = {"fe80::1"};
        result.crash = control::CrashState{.at = kThen, .parameters = {1}, .text = "panic\n"};
        result.exits = 7;
        result.services = {state_of(control::Service::kHeartbeat),
                           state_of(control::Service::kKvp)};
        result.services[1].primary = "no_contact";
        result.services[1].secondary = "communication_failed";
        result.services[1].message = "";
        return result;
    }
    CommandResult operator()(const control::StatsCommand&) const {
        control::StatsResult result;
        result.exits = {{"hlt", 5}};
        result.counters = {{"messages", 12}};
        result.heartbeat_age = control::Milliseconds(120);
        result.heartbeat_round_trip = {.buckets = {{.up_to_us = 250, .count = 3},
                                                   {.up_to_us = 1000, .count = 0},
                                                   {.up_to_us = {}, .count = 1}},
                                       .sum_us = 7};
        result.clock_offset = std::chrono::microseconds(-5);
        return result;
    }
    CommandResult operator()(const control::WaitCommand& command) const {
        return control::WaitResult{.condition = command.condition,
                                   .waited = std::chrono::seconds(1)};
    }
    CommandResult operator()(const control::ServiceListCommand&) const {
        return control::ServiceListResult{.services = {state_of(control::Service::kShutdown)}};
    }
    CommandResult operator()(const control::KvpListCommand& command) const {
        const bool whole = command.pool == control::Pool::kAuto;
        return control::KvpResult{
            .pool = command.pool,
            .pairs = {{.key = "a", .value = "1"}, {.key = "long", .value = "\xc3\xa4\x07"}},
            .unreadable = whole ? 0U : 3U,
            .truncated = !whole};
    }
    CommandResult operator()(const control::KvpGetCommand& command) const {
        return control::KvpResult{.pool = command.pool,
                                  .pairs = {{.key = command.key, .value = "C:\\Windows"}}};
    }
    CommandResult operator()(const control::IpShowCommand&) const {
        return control::IpResult{.ipv4 = {"10.0.0.5", "10.0.0.6"}, .ipv6 = {"fe80::1"}};
    }
    CommandResult operator()(const control::TimeShowCommand&) const {
        control::TimeResult result;
        result.host_time = kThen;
        result.last_sync = kThen;
        result.syncs = 1;
        result.samples = 20;
        result.reference_time = true;
        result.guest_offset = std::chrono::microseconds(-1500);
        result.service = state_of(control::Service::kTimesync);
        return result;
    }
    CommandResult operator()(const control::HeartbeatShowCommand&) const {
        control::HeartbeatResult result;
        result.service = state_of(control::Service::kHeartbeat);
        result.sent = 10;
        result.answered = 9;
        result.missed = 1;
        result.last_answer = kThen;
        return result;
    }
    CommandResult operator()(const control::HeartbeatSetCommand& command) const {
        return control::HeartbeatSetResult{.policy = command.change.applied_to({})};
    }
};

struct Outcome {
    int status = -1;
    std::string out;
    std::string err;
};

Outcome run(const std::string& socket, std::vector<const char*> words) {
    words.insert(words.begin(), {"hvis-vm", "--connect", socket.c_str()});
    Outcome outcome;
    const auto parsed =
        parse_command_line(static_cast<int>(words.size()), words.data(), outcome.out, outcome.err);
    if (const auto* status = std::get_if<int>(&parsed)) {
        outcome.status = *status;
        return outcome;
    }
    outcome.status = run_client(std::get<ClientOptions>(parsed),
                                {.out = [&](std::string_view text) { outcome.out += text; },
                                 .err = [&](std::string_view text) { outcome.err += text; }});
    return outcome;
}

class RunClient : public testing::Test {
protected:
    /// What a good verb prints.
    std::string output_of(const std::vector<const char*>& words) {
        const Outcome outcome = run(worker_.path(), words);
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_EQ(outcome.err, "");
        return outcome.out;
    }

    control::FakeWorker worker_{[](const control::Command& command, Responder responder) {
        responder.done(std::visit(Answers{}, command));
    }};
};

TEST_F(RunClient, ShowsTheStatusOnOneScreen) {
    EXPECT_EQ(output_of({"status"}), R"(web        5c0a
State      running, up 1 h 1 min
Hardware   2 processors, 512 MiB
VMBus      5.3
Guest      Debian\x1b[2J 12
Host name  web.example.org
Addresses  10.0.0.5, fe80::1
Crash      2026-03-01T12:00:00.250Z panic\x0a
           0x0000000000000001 0x0000000000000000 0x0000000000000000 0x0000000000000000 0x0000000000000000
Exits      7

SERVICE    STATUS                             VERSION  SINCE                     EXPLANATION
heartbeat  ok (applications unknown)          3.2      2026-03-01T12:00:00.250Z  the guest answers
kvp        no_contact (communication_failed)  -        2026-03-01T12:00:00.250Z  the guest answers
)");
}

TEST_F(RunClient, SaysNothingWhenThereIsNothingToSay) {
    for (const auto& words : std::vector<std::vector<const char*>>{{"pause"},
                                                                   {"resume"},
                                                                   {"reset"},
                                                                   {"power-off"},
                                                                   {"shutdown"},
                                                                   {"restart"},
                                                                   {"hibernate"},
                                                                   {"wait", "--for", "ip"},
                                                                   {"service", "enable", "kvp"},
                                                                   {"service", "disable", "kvp"},
                                                                   {"kvp", "set", "k", "v"},
                                                                   {"kvp", "add", "k", "v"},
                                                                   {"kvp", "delete", "k"},
                                                                   {"time", "sync"}}) {
        EXPECT_EQ(output_of(words), "") << words[0];
    }
    EXPECT_EQ(output_of({"pause", "--json"}), "{}\n");
    EXPECT_EQ(output_of({"wait", "--for", "ip", "--json"}),
              "{\n  \"for\": \"ip\",\n  \"waited_ms\": 1000\n}\n");
}

TEST_F(RunClient, ShowsTables) {
    EXPECT_EQ(output_of({"stats"}),
              "EXIT  COUNT\nhlt   5\n\nCOUNTER   COUNT\nmessages  12\n\n"
              "MEASURED                         VALUE\n"
              "heartbeat, last answer           120ms ago\n"
              "heartbeat, answers within 250us  3\n"
              "heartbeat, longer than that      1\n"
              "clock, guest ahead of host       -5us\n");
    EXPECT_EQ(output_of({"service", "list"}),
              R"(SERVICE   STATUS  VERSION  SINCE                     EXPLANATION
shutdown  ok      3.2      2026-03-01T12:00:00.250Z  the guest answers
)");
    EXPECT_EQ(output_of({"kvp", "list"}), "KEY   VALUE\na     1\nlong  \xc3\xa4\\x07\n");
    EXPECT_EQ(output_of({"kvp", "list", "--pool", "guest"}),
              "KEY   VALUE\na     1\nlong  \xc3\xa4\\x07\n(3 more could not be read)\n"
              "(the guest has more than are listed)\n");
    EXPECT_EQ(output_of({"kvp", "get", "dir"}), "C:\\Windows\n");
    EXPECT_EQ(output_of({"ip", "show"}), "10.0.0.5\n10.0.0.6\nfe80::1\n");
}

TEST_F(RunClient, ShowsTime) {
    EXPECT_EQ(output_of({"time", "show"}), R"(Host time       2026-03-01T12:00:00.250Z
Last sync       2026-03-01T12:00:00.250Z
Syncs           1
Samples         20
Reference time  yes
Guest ahead by  -1500 us

SERVICE   STATUS  VERSION  SINCE                     EXPLANATION
timesync  ok      3.2      2026-03-01T12:00:00.250Z  the guest answers
)");
}

TEST_F(RunClient, ShowsAndSetsTheHeartbeat) {
    EXPECT_EQ(output_of({"heartbeat", "show"}), R"(Interval       2 s
Latency        1 s
Lost after     2 misses in 3 beats
Grace          30 s
On loss        none, at most 3 times
Sent           10
Answered       9
Missed         1 of the last 3
Last answer    2026-03-01T12:00:00.250Z
Actions taken  0

SERVICE    STATUS                     VERSION  SINCE                     EXPLANATION
heartbeat  ok (applications unknown)  3.2      2026-03-01T12:00:00.250Z  the guest answers
)");
    EXPECT_EQ(output_of({"heartbeat", "set", "--misses", "5", "--on-loss", "reset"}),
              R"(Interval    2 s
Latency     1 s
Lost after  5 misses in 5 beats
Grace       30 s
On loss     reset, at most 3 times
)");
}

TEST_F(RunClient, ListsEvents) {
    worker_.on_loop([&] {
        worker_.events().record(control::EventId::kHeartbeatLost,
                                {{"missed", "2"}, {"window", "3"}}, kThen);
        worker_.events().record(control::EventId::kKvpChanged, {{"key", "\x1b"}, {"pool", "guest"}},
                                kThen);
    });
    constexpr std::string_view kSecond =
        "2  2026-03-01T12:00:00.250Z  info  kvp  6002 kvp_changed: the guest has changed \\x1b in "
        "pool guest\n";
    EXPECT_EQ(output_of({"events"}),
              "1  2026-03-01T12:00:00.250Z  error  heartbeat  3001 heartbeat_lost: the guest has "
              "stopped answering: 2 of the last 3 beats were missed\n" +
                  std::string(kSecond));
    EXPECT_EQ(output_of({"events", "--since", "2"}), kSecond);
    EXPECT_THAT(output_of({"events", "--since", "2", "--json"}), HasSubstr("\"next\": 3"));
}

TEST(RunClientFollow, PrintsEventsUntilTheWorkerGoes) {
    auto worker = std::make_unique<control::FakeWorker>(
        [](const control::Command&, Responder responder) { responder.done(); });
    worker->on_loop([&] { worker->events().record(control::EventId::kVmPaused, {}, kThen); });
    std::jthread ender;
    Outcome outcome;
    const std::string path = worker->path();
    const std::vector words = {"hvis-vm",  "--connect", path.c_str(), "events",
                               "--follow", "--since",   "1"};
    const auto parsed =
        parse_command_line(static_cast<int>(words.size()), words.data(), outcome.out, outcome.err);
    outcome.status = run_client(std::get<ClientOptions>(parsed),
                                {.out =
                                     [&](std::string_view text) {
                                         outcome.out += text;
                                         ender = std::jthread([&] { worker.reset(); });
                                     },
                                 .err = [&](std::string_view text) { outcome.err += text; }});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(
        outcome.out,
        "1  2026-03-01T12:00:00.250Z  info  machine  1005 vm_paused: the machine is paused\n");
}

TEST(RunClientFollow, PrintsChangesUntilTheWatchEnds) {
    control::FakeWorker worker([](const control::Command& command, Responder responder) {
        const auto pool = std::get<control::KvpWatchCommand>(command).pool;
        responder.tell(control::WatchingNotice{.pool = pool, .pairs = 1});
        responder.tell(control::KvpChangeNotice{.pool = pool, .key = "role", .value = "web"});
        responder.tell(control::KvpChangeNotice{.pool = pool, .key = "role", .value = {}});
        responder.failed(
            control::make_failure(control::ErrorCode::kFailed, "the machine has stopped"));
    });
    const auto plain = run(worker.path(), {"kvp", "watch"});
    EXPECT_EQ(plain.out, "role = web\nrole removed\n");
    EXPECT_EQ(plain.err, "hvis-vm: the machine has stopped\n");
    EXPECT_EQ(plain.status, 1);
    EXPECT_EQ(run(worker.path(), {"kvp", "watch", "--pool", "auto", "--json"}).out,
              R"({"key":"role","pool":"auto","value":"web"})"
              "\n"
              R"({"key":"role","pool":"auto"})"
              "\n");
}

TEST(RunClientFailure, LeavesWithTheStatusOfTheCode) {
    for (const ErrorCode code : {ErrorCode::kFailed, ErrorCode::kUsage, ErrorCode::kNotFound,
                                 ErrorCode::kTimedOut, ErrorCode::kUnavailable}) {
        const control::FakeWorker worker([code](const control::Command&, Responder responder) {
            responder.failed(make_failure(code, "it did not\x1b work", "try something else"));
        });
        const Outcome plain = run(worker.path(), {"kvp", "get", "k"});
        EXPECT_EQ(plain.status, exit_status(code));
        EXPECT_EQ(plain.out, "");
        EXPECT_EQ(plain.err, "hvis-vm: it did not\\x1b work\n  try something else\n");
        const Outcome json = run(worker.path(), {"kvp", "get", "k", "--json"});
        EXPECT_EQ(json.status, exit_status(code));
        EXPECT_THAT(json.err, HasSubstr(std::string(to_string(code))));
        EXPECT_EQ(json.out, "");
    }
}

TEST(RunClientFailure, SaysThatNobodyListens) {
    const Outcome outcome = run(testing::TempDir() + "hvis-none.sock", {"status"});
    EXPECT_EQ(outcome.status, 3);
    EXPECT_THAT(outcome.err, HasSubstr("no machine answers at"));
    EXPECT_THAT(outcome.err, HasSubstr("check the path"));
}

TEST(RunClientFailure, TakesAWorkerThatLeavesForAMachineThatStopped) {
    const auto leave = [](std::vector<const char*> words) {
        std::unique_ptr<control::FakeWorker> worker;
        std::vector<Responder> kept;
        std::jthread ender;
        worker = std::make_unique<control::FakeWorker>(
            [&](const control::Command&, Responder responder) {
                kept.push_back(std::move(responder));
                ender = std::jthread([&] { worker.reset(); });
            });
        const std::string path = worker->path();
        const Outcome outcome = run(path, std::move(words));
        ender.join();
        return outcome;
    };
    EXPECT_EQ(leave({"wait", "--for", "stopped"}).status, 0);
    EXPECT_EQ(leave({"power-off"}).status, 0);
    const Outcome shutdown = leave({"shutdown"});
    EXPECT_EQ(shutdown.status, 1);
    EXPECT_THAT(shutdown.err, HasSubstr("the worker hung up"));
}

}  // namespace
}  // namespace hvis::worker
