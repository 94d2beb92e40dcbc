#include "cli/run.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "cli/fake_hvisd.h"
#include "cli/session.h"

namespace hvis::cli {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> split(const std::string& line) {
    std::vector<std::string> words;
    std::istringstream stream(line);
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

/// A verb and the requests that it makes.
struct VerbCase {
    const char* command;
    std::vector<std::string> requests;
};

constexpr const char* kEnd =
    "GET /api/v1/operations/11111111-2222-4333-8444-555555555555?wait_ms=10000";

const std::vector<VerbCase> kVerbs = {
    {"list", {"GET /api/v1/vms"}},
    {"vm list --state running", {"GET /api/v1/vms?state=running"}},
    {"vm show web", {"GET /api/v1/vms/web"}},
    {"status web", {"GET /api/v1/vms/web", "GET /api/v1/vms/web/status"}},
    {"status db", {"GET /api/v1/vms/db"}},
    {"start web", {"POST /api/v1/vms/web/start {}", kEnd}},
    {"vm start web --no-wait", {"POST /api/v1/vms/web/start {}"}},
    {"stop web --timeout 2m --force",
     {"GET /api/v1/vms/web", R"(POST /api/v1/vms/web/stop {"force":true,"timeout_ms":120000})",
      kEnd}},
    // db does not run.
    {"stop db", {"GET /api/v1/vms/db"}},
    {"vm stop web --power-off", {"POST /api/v1/vms/web/power-off {}", kEnd}},
    {"vm hibernate web --reason 0x80000000",
     {R"(POST /api/v1/vms/web/hibernate {"reason":2147483648})", kEnd}},
    {"vm restart web --message bye --reason 7",
     {R"(POST /api/v1/vms/web/restart {"message":"bye","reason":7})", kEnd}},
    {"vm hibernate web", {"POST /api/v1/vms/web/hibernate {}", kEnd}},
    {"vm pause web", {"POST /api/v1/vms/web/pause {}"}},
    {"vm resume web", {"POST /api/v1/vms/web/resume {}"}},
    {"vm reset web", {"POST /api/v1/vms/web/reset {}"}},
    {"vm create new --kernel /k --cpus 2 --autostart --append a=b --disable kvp",
     {R"(POST /api/v1/vms {"append":"a=b","autostart":{"enabled":true},"kernel":"/k","memory":"512M",)"
      R"("name":"new","processors":2,"services":{"kvp":false}})"}},
    {"vm create new --partition loopback --memory 64M",
     {R"(POST /api/v1/vms {"memory":"64M","name":"new","partition":"loopback"})"}},
    {"vm create web --kernel /k --start",
     {R"(POST /api/v1/vms {"kernel":"/k","memory":"512M","name":"web"})",
      "POST /api/v1/vms/web/start {}", kEnd}},
    {"vm set web --memory 1G --no-autostart --restart never --name www",
     {R"(PATCH /api/v1/vms/web {"autostart":{"enabled":false},"memory":"1G","name":"www",)"
      R"("restart":{"when":"never"}})"}},
    {"vm set web --autostart-order 7 --autostart-delay 2s --stop-timeout 3m --restart-attempts 9 "
     "--restart-delay 500ms --restart-longest-delay 2m --restart-forgive-after 1h --vmbus-version "
     "5.2",
     {R"(PATCH /api/v1/vms/web {"autostart":{"delay_ms":2000,"order":7,"stop_timeout_ms":180000},)"
      R"("restart":{"attempts":9,"first_delay_ms":500,"forgive_after_ms":3600000,)"
      R"("longest_delay_ms":120000},"vmbus":{"max_version":"5.2"}})"}},
    {"vm set web --append= --memory 1G --description= --initrd=",
     {R"(PATCH /api/v1/vms/web {"append":"","description":"","initrd":"","memory":"1G"})"}},
    {"vm set web --vmbus-version newest",
     {R"(PATCH /api/v1/vms/web {"vmbus":{"max_version":null}})"}},
    {"vm create new --kernel /k --vmbus-version newest --stop-timeout 5s",
     {R"(POST /api/v1/vms {"autostart":{"stop_timeout_ms":5000},"kernel":"/k","memory":"512M",)"
      R"("name":"new","vmbus":{}})"}},
    {"vm set web --service-version kvp=4.0 --service-version shutdown=newest",
     {R"(PATCH /api/v1/vms/web {"service_versions":{"kvp":"4.0","shutdown":null}})"}},
    {"vm create new --kernel /k --service-version heartbeat=1.0",
     {R"(POST /api/v1/vms {"kernel":"/k","memory":"512M","name":"new",)"
      R"("service_versions":{"heartbeat":"1.0"}})"}},
    {"vm delete web --yes", {"GET /api/v1/vms/web", "DELETE /api/v1/vms/web"}},
    {"vm export web /srv/web", {R"(POST /api/v1/vms/web/export {"path":"/srv/web"})", kEnd}},
    {"vm import /srv/web", {R"(POST /api/v1/vms/import {"path":"/srv/web"})", kEnd}},
    {"stats web", {"GET /api/v1/vms/web/stats"}},
    {"vm import /srv/web --name web2 --new-id",
     {R"(POST /api/v1/vms/import {"name":"web2","new_id":true,"path":"/srv/web"})", kEnd}},
    {"wait web --for heartbeat --timeout 1s",
     {"GET /api/v1/vms/web", R"(POST /api/v1/vms/web/wait {"for":"heartbeat","timeout_ms":1000})",
      kEnd}},
    {"wait web --for stopped", {R"(POST /api/v1/vms/web/wait {"for":"stopped"})", kEnd}},
    {"service list web", {"GET /api/v1/vms/web/services"}},
    {"service enable web kvp", {R"(PATCH /api/v1/vms/web/services/kvp {"enabled":true})"}},
    {"service disable web kvp", {R"(PATCH /api/v1/vms/web/services/kvp {"enabled":false})"}},
    {"heartbeat show web", {"GET /api/v1/vms/web/heartbeat"}},
    {"heartbeat set web --misses 3/5 --interval 1s --on-loss reset",
     {R"(PATCH /api/v1/vms/web/heartbeat {"interval_ms":1000,"misses":3,"on_loss":"reset","window":5})"}},
    {"heartbeat test web", {"POST /api/v1/vms/web/heartbeat/test {}"}},
    {"time show web", {"GET /api/v1/vms/web/time"}},
    {"time sync web --timeout 1s", {R"(POST /api/v1/vms/web/time/sync {"timeout_ms":1000})"}},
    {"ip show web", {"GET /api/v1/vms/web/ip"}},
    {"ip set web f8615163 --dhcp --timeout 1s",
     {R"(PUT /api/v1/vms/web/ip {"adapter":"f8615163","dhcp":true,"timeout_ms":1000})"}},
    {"ip set web f8615163 --address 192.0.2.7/24 --address fd00::7/64 --gateway 192.0.2.1 --dns "
     "::1",
     {R"(PUT /api/v1/vms/web/ip {"adapter":"f8615163","addresses":["192.0.2.7/24","fd00::7/64"],)"
      R"("dns_servers":["::1"],"gateways":["192.0.2.1"]})"}},
    {"kvp list web", {"GET /api/v1/vms/web/kvp/auto"}},
    {"kvp get web OSName --timeout 1s", {"GET /api/v1/vms/web/kvp/auto/OSName?timeout_ms=1000"}},
    {"kvp set web role x", {R"(PUT /api/v1/vms/web/kvp/external/role {"value":"x"})"}},
    // A word that is a verb elsewhere is an argument here.
    {"kvp add web list x", {R"(POST /api/v1/vms/web/kvp/external {"key":"list","value":"x"})"}},
    {"kvp delete web role", {"DELETE /api/v1/vms/web/kvp/external/role"}},
    {"kvp export web --pool auto", {"GET /api/v1/vms/web/kvp/auto"}},
    {"kvp export web /dev/null", {"GET /api/v1/vms/web/kvp/external"}},
    {"events", {"GET /api/v1/events?newest=true"}},
    {"events web --since 7 --severity error --id 3001 --id "
     "heartbeat_regained --limit 5",
     {"GET /api/v1/events?vm=web&severity=error&id=3001%2C3002&since=7&limit=5"}},
    {"events --since 2026-03-01T12:00 --id 3001,heartbeat_regained --id 7001",
     {"GET /api/v1/events?id=3001%2C3002%2C7001&from=2026-03-01T12%3A00%3A00Z"}},
    {"operation list", {"GET /api/v1/operations"}},
    {"operation show 11111111-2222-4333-8444-555555555555",
     {"GET /api/v1/operations/11111111-2222-4333-8444-555555555555"}},
    {"operation wait 11111111-2222-4333-8444-555555555555",
     {"GET /api/v1/operations/11111111-2222-4333-8444-555555555555"}},
    {"operation cancel 11111111-2222-4333-8444-555555555555",
     {"DELETE /api/v1/operations/11111111-2222-4333-8444-555555555555"}},
    {"token create ci --role operator", {R"(POST /api/v1/tokens {"name":"ci","role":"operator"})"}},
    {"token list", {"GET /api/v1/tokens"}},
    {"token delete x", {"DELETE /api/v1/tokens/x"}},
    {"host show", {"GET /api/v1/host"}},
    {"host stop-all --yes", {"POST /api/v1/host/stop-all {}", kEnd}},
    {"database backup /srv/hvis.db",
     {R"(POST /api/v1/database/backup {"path":"/srv/hvis.db"})", kEnd}},
    {"version", {"GET /api/v1/version"}},
};

TEST(Hvis, AsksHvisdWhatEachVerbMeans) {
    FakeHvisd hvisd;
    for (const VerbCase& verb : kVerbs) {
        const Outcome outcome = run_hvis(hvisd.path(), split(verb.command));
        EXPECT_EQ(outcome.status, 0) << verb.command << "\n" << outcome.err;
        EXPECT_EQ(hvisd.take_lines(), verb.requests) << verb.command;
    }
}

TEST(Hvis, PrintsJsonForProgramsAndNothingElse) {
    FakeHvisd hvisd;
    for (const VerbCase& verb : kVerbs) {
        auto words = split(verb.command);
        words.emplace_back("--json");
        const Outcome outcome = run_hvis(hvisd.path(), words);
        EXPECT_EQ(outcome.status, 0) << verb.command;
        EXPECT_EQ(outcome.err, "") << verb.command;
        EXPECT_TRUE(nlohmann::json::accept(outcome.out)) << verb.command << "\n" << outcome.out;
    }
}

TEST(Hvis, NeverShowsWhatAGuestWroteUnescaped) {
    FakeHvisd hvisd;
    for (const VerbCase& verb : kVerbs) {
        const Outcome outcome = run_hvis(hvisd.path(), split(verb.command));
        EXPECT_THAT(outcome.out, Not(testing::ContainsRegex("[\x01-\x09\x0b-\x1f]")))
            << verb.command;
    }
    EXPECT_THAT(run_hvis(hvisd.path(), {"status", "web"}).out, HasSubstr("Debian \\x1b[31mGNU"));
}

TEST(Hvis, ShowsListsAndScreens) {
    FakeHvisd hvisd;
    EXPECT_EQ(run_hvis(hvisd.path(), {"list"}).out,
              "NAME  STATE    UP         HEARTBEAT  MEMORY   CPUS  ADDRESSES\n"
              "db    failed   -          -          64 MiB   1     -\n"
              "web   running  1 min 5 s  ok         512 MiB  2     192.0.2.10\n");
    const std::string failed = run_hvis(hvisd.path(), {"status", "db"}).out;
    EXPECT_THAT(failed, HasSubstr("its worker ended with status 1 and is not restarted"));
    EXPECT_THAT(run_hvis(hvisd.path(), {"vm", "show", "web"}).out,
                HasSubstr("heartbeat on, kvp off"));
    EXPECT_THAT(run_hvis(hvisd.path(), {"vm", "show", "web"}).out,
                AllOf(testing::ContainsRegex("VMBus +at most 5.2"),
                      testing::ContainsRegex("Versions +kvp at most 4.0\n")));
    EXPECT_EQ(run_hvis(hvisd.path(), {"service", "list", "web"}).out,
              "SERVICE    STATUS                     VERSION            SINCE                     "
              "EXPLANATION\n"
              "heartbeat  ok (applications healthy)  3.0 (at most 3.0)  2026-03-01T12:00:00.000Z  "
              "beats are answered\n"
              "not in this version: vss, file-copy\n");
    EXPECT_THAT(run_hvis(hvisd.path(), {"stats", "web"}).out,
                AllOf(testing::ContainsRegex("EXIT +COUNT\nhalt +12\n"),
                      testing::ContainsRegex("kvp.bytes_received +4096\n"),
                      testing::ContainsRegex("heartbeat, answers within 1ms +7\n")));
    EXPECT_EQ(
        run_hvis(hvisd.path(), {"events"}).out,
        "NUMBER  TIME                      SEVERITY  VM   SERVICE    EVENT                "
        "TEXT\n"
        "41      2026-03-01T12:00:00.000Z  error     web  heartbeat  3001 heartbeat_lost  the "
        "guest \\x1b is silent\n");
    EXPECT_THAT(failed, HasSubstr("1 processor, 64 MiB"));
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "set", "web", "role", "x"}).out,
              "role of web is set\n");
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "delete", "web", "role"}).out,
              "role of web is removed\n");
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "get", "web", "OSName"}).out, "Debian\n");
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "set", "web", "role", ""}).status, 0);
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "get", "web", ""}).status, 2) << "no key";
    EXPECT_THAT(run_hvis(hvisd.path(), {"service", "enable", "web", "kvp"}).out,
                HasSubstr("no daemon yet"));
    EXPECT_THAT(run_hvis(hvisd.path(), {"vm", "set", "web", "--memory", "1G"}).out,
                HasSubstr("from its next start: memory\nwarning: there is no /boot/old\n"));
}

TEST(Hvis, LeavesWithTheStatusOfTheFailure) {
    FakeHvisd hvisd;
    const Outcome missing = run_hvis(hvisd.path(), {"status", "nobody"});
    EXPECT_EQ(missing.status, 3);
    EXPECT_EQ(missing.out, "");
    EXPECT_EQ(missing.err, "hvis: there is no such thing\n  look at the list\n");
    const std::string problem = R"({"detail":"kvp is disabled","hint":"enable it","code":")";
    const auto status_for = [&](int status, const std::string& code) {
        hvisd.answer("GET /api/v1/vms/web", status, problem + code + "\"}");
        return run_hvis(hvisd.path(), {"status", "web"}).status;
    };
    EXPECT_EQ(status_for(500, "failed"), 1);
    EXPECT_EQ(status_for(400, "usage"), 2);
    EXPECT_EQ(status_for(504, "timed_out"), 4);
    EXPECT_EQ(status_for(409, "unavailable"), 5);
    const auto json =
        nlohmann::json::parse(run_hvis(hvisd.path(), {"status", "web", "--json"}).err);
    EXPECT_EQ(json["error"]["code"], "unavailable");
    EXPECT_EQ(json["error"]["hint"], "enable it");
}

TEST(Hvis, FailsWhereItsResultsCannotBeWritten) {
    FakeHvisd hvisd;
    const std::vector<const char*> commands = {
        "list",        "vm show web --json",     "kvp export web", "events",
        "events -f",   "kvp get web OSName",     "version",        "completion bash",
        "list --help", "__complete kvp list we", "--version",
    };
    for (const char* command : commands) {
        const Outcome full = run_hvis(hvisd.path(), split(command), Place::kFullDisk);
        EXPECT_EQ(full.status, 1) << command;
        EXPECT_THAT(full.err, HasSubstr("cannot write to standard output: No space left on device"))
            << command;
        const Outcome gone = run_hvis(hvisd.path(), split(command), Place::kReaderGone);
        EXPECT_EQ(gone.status, 0) << command;
        EXPECT_EQ(gone.err, "") << command;
    }
    EXPECT_EQ(run_hvis(hvisd.path(), {"status", "nobody"}, Place::kFullDisk).status, 3);
}

TEST(Hvis, TellsOfATokenThatNobodyGot) {
    FakeHvisd hvisd;
    EXPECT_EQ(run_hvis(hvisd.path(), {"token", "create", "ci"}, Place::kFullDisk).err,
              "hvis: cannot write to standard output: No space left on device\n"
              "  nobody has the token: hvis token delete x; then make another\n");
}

TEST(Hvis, ShowsWhenEachTokenWasLastUsed) {
    FakeHvisd hvisd;
    hvisd.answer("GET /api/v1/tokens", 200,
                 R"({"tokens":[{"id":"a","name":"ci","role":"viewer","created":"C"},)"
                 R"({"id":"b","name":"web","role":"operator","created":"D","last_used":"E"}]})");
    EXPECT_EQ(run_hvis(hvisd.path(), {"token", "list"}).out,
              "ID  NAME  ROLE      CREATED  LAST USED\n"
              "a   ci    viewer    C        never\n"
              "b   web   operator  D        E\n");
}

TEST(StandardOutput, RemembersThatItIsFull) {
    const std::string program = HVIS_PROGRAM;
    // NOLINTNEXTLINE(cert-env33-c): it is the program with its streams that this is about
    const int status = std::system((program + " --version >/dev/full 2>/dev/null").c_str());
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 1);
    // NOLINTNEXTLINE(cert-env33-c)
    EXPECT_EQ(std::system((program + " --version >/dev/null").c_str()), 0);
}

TEST(Hvis, TellsWhatEachHookMadeOfATestAlert) {
    FakeHvisd hvisd;
    const auto test = [&](const std::string& deliveries) {
        if (!deliveries.empty()) {
            hvisd.answer("POST /api/v1/vms/web/heartbeat/test", 200,
                         R"({"event":{},"deliveries":[)" + deliveries + "]}");
        }
        return run_hvis(hvisd.path(), {"heartbeat", "test", "web"});
    };
    const Outcome taken = test("");
    EXPECT_EQ(taken.status, 0) << taken.err;
    EXPECT_EQ(taken.out,
              "HOOK   STATE  ATTEMPTS  TOOK    PROBLEM\n"
              "pager  taken  1         120 ms\n");
    const std::string filtered =
        R"({"hook":"mail","state":"filtered","attempts":0,"took_ms":0,"problem":""})";
    const std::string pager =
        R"({"hook":"pager","state":"taken","attempts":1,"took_ms":120,"problem":""},)";
    EXPECT_EQ(test(pager + filtered).status, 0);

    const Outcome missed = test(
        pager + filtered +
        R"(,{"hook":"sms","state":"waiting","attempts":2,"took_ms":7,"problem":"HTTP 500\u001b"},)"
        R"({"hook":"slow","state":"waiting","attempts":1,"took_ms":0,"problem":""},)"
        R"({"hook":"bad","state":"failed","attempts":1,"took_ms":9,"problem":"status 1"})");
    EXPECT_EQ(missed.status, 1);
    EXPECT_EQ(missed.out,
              "HOOK   STATE     ATTEMPTS  TOOK    PROBLEM\n"
              "pager  taken     1         120 ms\n"
              "mail   filtered  0         -       its 'vms' do not have this VM\n"
              "sms    waiting   2         7 ms    HTTP 500\\x1b\n"
              "slow   waiting   1         -       no answer in time\n"
              "bad    failed    1         9 ms    status 1\n");
    EXPECT_EQ(missed.err,
              "hvis: 3 of 4 hooks did not take the alert\n"
              "  mend what PROBLEM names, then test again: hvis heartbeat test web\n");

    const Outcome none_for_it = test(filtered);
    EXPECT_EQ(none_for_it.status, 1);
    EXPECT_THAT(none_for_it.err, StartsWith("hvis: no hook takes the alerts of web\n  add it"));
}

TEST(Hvis, SaysWhatToDoWhenNoHookWouldTellOfALostHeartbeat) {
    FakeHvisd hvisd;
    hvisd.answer("POST /api/v1/vms/web/heartbeat/test", 200, R"({"event":{},"deliveries":[]})");
    const Outcome outcome = run_hvis(hvisd.path(), {"heartbeat", "test", "web"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "hvis: no hook is configured: the alert is in the event log, and nobody was told\n"
              "  add a [[webhook]] or [[hook]] to hvisd.toml, then: systemctl restart hvisd\n");
    const Outcome json = run_hvis(hvisd.path(), {"heartbeat", "test", "web", "--json"});
    EXPECT_EQ(json.status, 1);
    EXPECT_EQ(nlohmann::json::parse(json.out)["deliveries"], nlohmann::json::array());
    EXPECT_EQ(nlohmann::json::parse(json.err)["error"]["code"], "failed");
}

TEST(Hvis, TellsWhyAnOperationFailed) {
    FakeHvisd hvisd;
    const std::string operation = std::string("GET /api/v1/operations/") + kOperationId;
    hvisd.answer(operation, 200,
                 R"({"id":"x","kind":"vm.stop","vm_name":"web","state":"failed",
                     "error":{"code":"timed_out","message":"the guest did not stop","hint":"cut it"}})");
    const Outcome late = run_hvis(hvisd.path(), {"stop", "web"});
    EXPECT_EQ(late.status, 4);
    EXPECT_EQ(late.err, "hvis: the guest did not stop\n  cut it\n");
    hvisd.answer(operation, 200,
                 R"({"id":"x","kind":"vm.stop","vm_name":"web","state":"cancelled"})");
    EXPECT_EQ(run_hvis(hvisd.path(), {"stop", "web"}).err, "hvis: web: stop: cancelled (x)\n");
    hvisd.answer(operation, 200,
                 R"({"id":"x","kind":"vm.stop","vm_name":"web","state":"cancelled",
                     "error":{"code":"failed","message":"cancelled"}})");
    const Outcome cancelled = run_hvis(hvisd.path(), {"operation", "wait", kOperationId});
    EXPECT_EQ(cancelled.status, 1);
    EXPECT_EQ(cancelled.err, "hvis: web: stop: cancelled (x)\n");
}

TEST(Hvis, RefusesWrongUsageBeforeItAsksAnybody) {
    const std::vector<const char*> wrong = {
        "",
        "nonsense",
        "vm",
        "status",
        "start",
        "stop web --timeout soon",
        "wait web",
        "wait web --for nothing",
        "vm set web",
        "vm set web --cpus=",
        "vm create",
        "vm create x --cpus many",
        "vm create x --disable nothing",
        "vm set web --vmbus-version 9.9",
        "vm set web --restart-delay 5",
        "vm delete web",
        "host stop-all",
        "heartbeat set web",
        "heartbeat set web --misses 3/",
        "heartbeat set web --misses 5/3",
        "ip set web",
        "ip set web f8615163 --gateway 192.0.2.1",
        "ip set web f8615163 --address 192.0.2.7/24 --dhcp",
        "vm set web --service-version kvp=4.0 --service-version kvp=3.0",
        "vm create x --kernel /k --service-version kvp=newest --service-version kvp=newest",
        "heartbeat set web --on-loss power_off --attempts 0",
        "heartbeat set web --attempts 0 --on-loss reset",
        "heartbeat set web --on-loss panic",
        "kvp list web --pool registry",
        "kvp set web role",
        "events --since yesterday",
        "events --severity bad",
        "events --service foo",
        "events --id heartbeat",
        "events --id 3001,",
        "events --since 2026-02-30",
        "events --follow --limit 0",
        "token create",
        "completion tcsh",
        "list --socket /a --url https://b",
    };
    FakeHvisd hvisd;
    for (const char* command : wrong) {
        const Outcome outcome = run_hvis(hvisd.path(), split(command));
        EXPECT_EQ(outcome.status, 2) << command;
        EXPECT_THAT(outcome.err, StartsWith("hvis: ")) << command;
        EXPECT_THAT(outcome.err, HasSubstr("\n  ")) << command << " has no next step";
    }
    EXPECT_EQ(run_hvis(hvisd.path(), {"vm", "frobnicate"}).err,
              "hvis: 'hvis vm' has no verb 'frobnicate'\n  see hvis vm --help\n");
    EXPECT_EQ(run_hvis(hvisd.path(), {"token", "create"}).err,
              "hvis: NEW is missing: what it is for\n  see hvis token create --help\n");
    EXPECT_EQ(run_hvis(hvisd.path(), {"wait", "web"}).err,
              "hvis: --for is missing: what to wait for\n  see hvis wait --help\n");
    EXPECT_THAT(run_hvis(hvisd.path(), {}).err, HasSubstr("\n  hvis status NAME "));
    EXPECT_THAT(run_hvis(hvisd.path(), {"--json"}).err, StartsWith("{\"error\":"));
    EXPECT_THAT(run_hvis(hvisd.path(), {"events", "--service", "foo"}).err,
                HasSubstr("heartbeat|shutdown|timesync|kvp|machine|vmbus|manager"));
    // vm delete looks whether there is something to delete.
    EXPECT_THAT(hvisd.take_lines(), ElementsAre("GET /api/v1/vms/web"));
}

TEST(Hvis, TakesNoRelativePathForAnotherHost) {
    FakeHvisd hvisd;
    const std::vector<std::pair<const char*, std::string>> relative = {
        {"vm create new --kernel vmlinuz --url https://192.0.2.1:1", "--kernel"},
        {"--url https://192.0.2.1:1 vm set web --initrd ../initrd", "--initrd"},
        {"vm export web web --url https://192.0.2.1:1", "DIR"},
        {"vm import --url https://192.0.2.1:1 ./web", "DIR"},
        {"database backup hvis.db --url https://192.0.2.1:1", "FILE"},
    };
    for (const auto& [command, name] : relative) {
        const Outcome outcome = run_hvis(hvisd.path(), split(command));
        EXPECT_EQ(outcome.status, 2) << command;
        EXPECT_THAT(outcome.err,
                    StartsWith("hvis: " + name +
                               ": a relative path means a folder of this host; with --url give an "
                               "absolute path of hvisd's host\n"))
            << command;
    }
    EXPECT_EQ(run_hvis(hvisd.path(), {"vm", "export", "web", "web"}).status, 0);
    EXPECT_THAT(hvisd.take_lines().front(), HasSubstr(R"(export {"path":"/)"));
    // A file of our own is ours whatever hvisd is.
    EXPECT_EQ(run_hvis(hvisd.path(),
                       {"kvp", "import", "web", "nothing.json", "--url", "https://192.0.2.1:1"})
                  .err,
              "hvis: cannot read nothing.json: No such file or directory\n"
              "  'hvis kvp export' writes such a file\n");
}

TEST(Hvis, RefusesTextThatIsNotUtf8) {
    FakeHvisd hvisd;
    const std::string latin = "M\xfcnchen";
    const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
        {{"kvp", "set", "web", "city", latin}, "VALUE"},
        {{"kvp", "set", "web", latin, "x"}, "KEY"},
        {{"vm", "set", "web", "--description", latin}, "--description"},
        {{"vm", "set", "web", "--description=" + latin}, "--description"},
        {{"vm", "create", "new", "--kernel", "/" + latin}, "--kernel"},
        {{"status", latin}, "NAME"},
    };
    for (const auto& [words, name] : wrong) {
        const Outcome outcome = run_hvis(hvisd.path(), words);
        EXPECT_EQ(outcome.status, 2) << name;
        EXPECT_THAT(outcome.err, StartsWith("hvis: " + name + ": expected UTF-8, and got"));
    }
    EXPECT_THAT(hvisd.take_lines(), testing::IsEmpty());
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "set", "web", "role", "M\xc3\xbcnchen"}).status, 0);
}

TEST(Hvis, SaysThatHvisdDoesNotRun) {
    const Outcome outcome = run_hvis("/nowhere/hvisd.sock", {"list"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, StartsWith("hvis: hvisd does not run: nobody listens at /nowhere/"));
    const Outcome version = run_hvis("/nowhere/hvisd.sock", {"version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_THAT(version.out, HasSubstr("hvisd  not reached"));
}

TEST(Hvis, ListsEventsFromAsManyPagesAsItTakes) {
    std::vector<std::string> pages;
    const FakeServer server([&](const FakeRequest&) {
        const std::string page = pages.front();
        pages.erase(pages.begin());
        return reply_text(200, page);
    });
    const auto numbers = [&](std::vector<std::string> words) {
        words.emplace_back("--json");
        const Outcome outcome = run_hvis(server.path(), words);
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        const auto document = nlohmann::json::parse(outcome.out);
        EXPECT_FALSE(document.contains("next"));
        std::string text;
        for (const auto& event : document["events"]) {
            text += event["sequence"].dump() + " ";
        }
        return text;
    };
    const std::string third = R"({"events":[{"sequence":7},{"sequence":9}],"last":9})";
    pages = {R"({"events":[{"sequence":1}],"last":9,"next":4})",
             R"({"events":[],"last":9,"next":6})", third};
    EXPECT_EQ(numbers({"events", "--since", "1", "--limit", "3"}), "1 7 9 ");
    pages = {R"({"events":[{"sequence":12}],"last":12,"next":10})", third};
    EXPECT_EQ(numbers({"events", "--service", "kvp"}), "7 9 12 ");
    EXPECT_THAT(
        server.lines(),
        ElementsAre("GET /api/v1/events?since=1&limit=3", "GET /api/v1/events?since=4&limit=2",
                    "GET /api/v1/events?since=6&limit=2",
                    "GET /api/v1/events?service=kvp&newest=true",
                    "GET /api/v1/events?service=kvp&before=10&limit=999&newest=true"));
}

TEST(Hvis, ShowsHelpWithAnExample) {
    const Outcome help = run_hvis("", {"heartbeat", "set", "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.out, HasSubstr("Example:\n  hvis heartbeat set web"));
    EXPECT_THAT(help.out, HasSubstr("none|reset|power_off"));
    EXPECT_THAT(run_hvis("", {"vm", "set", "--help"}).out,
                HasSubstr("Example:\n  hvis vm set web --memory 1G --restart always "));
    EXPECT_THAT(run_hvis("", {"--version"}).out, StartsWith("hvis "));
}

TEST(Progress, DrawsABarOrSomethingThatTurns) {
    EXPECT_EQ(progress_text("web: stop", 0.5, 0), "[##########----------]  50% web: stop");
    EXPECT_EQ(progress_text("a\x1b", 2.0, 0), "[####################] 100% a\\x1b");
    EXPECT_EQ(progress_text("x", {}, 0), "| x");
    EXPECT_EQ(progress_text("x", {}, 5), "/ x");
}

TEST(Progress, IsSilentWithoutATerminal) {
    std::string text;
    Output output{.out = [](std::string_view) { return true; },
                  .err = [&](std::string_view more) { text += more; }};
    {
        Progress(output, true).show("x", {});
    }
    EXPECT_EQ(text, "");
    output.err_terminal = true;
    {
        Progress(output, true).show("x", {});
    }
    EXPECT_EQ(text, "\r\x1b[K| x\r\x1b[K");
}

}  // namespace
}  // namespace hvis::cli
