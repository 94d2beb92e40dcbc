#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/fake_hvisd.h"

namespace hvis::cli {
namespace {

struct Said {
    const char* request;
    int status;
    std::vector<std::string> words;
    const char* problem;
    const char* shown;
};

const std::vector<Said> kSaid = {
    {"POST /api/v1/vms",
     400,
     {"vm", "create", "web"},
     R"({"code":"usage","detail":"/kernel: required, but missing","pointer":"/kernel",
         "hint":"GET /api/v1/openapi.yaml has the fields of every request"})",
     "hvis: --kernel: required, but missing\n  see hvis vm create --help\n"},
    {"POST /api/v1/vms",
     400,
     {"vm", "create", ".web", "--kernel", "/k"},
     R"({"code":"usage","detail":"/name: expected 1..64 letters","pointer":"/name",
         "hint":"GET /api/v1/openapi.yaml has the fields of every request"})",
     "hvis: NEW: expected 1..64 letters\n  see hvis vm create --help\n"},
    {"PATCH /api/v1/vms/web",
     400,
     {"vm", "set", "web", "--name", ".web"},
     R"({"code":"usage","detail":"/name: expected 1..64 letters","pointer":"/name",
         "hint":"GET /api/v1/openapi.yaml has the fields of every request"})",
     "hvis: --name: expected 1..64 letters\n  see hvis vm set --help\n"},
    {"PATCH /api/v1/vms/web",
     400,
     {"vm", "set", "web", "--autostart-delay", "9d"},
     R"({"code":"usage","detail":"/autostart/delay_ms: too long","pointer":"/autostart/delay_ms",
         "hint":"GET /api/v1/openapi.yaml has the fields of every request"})",
     "hvis: --autostart-delay: too long\n  see hvis vm set --help\n"},
    {"PATCH /api/v1/vms/web",
     400,
     {"vm", "set", "web", "--autostart-delay", "9d"},
     R"({"code":"usage","detail":"/autostart/delay_ms: expected integer 0..86400000",
         "pointer":"/autostart/delay_ms",
         "hint":"GET /api/v1/openapi.yaml has the fields of every request"})",
     "hvis: --autostart-delay: expected 0s to 1d\n  see hvis vm set --help\n"},
    {"PATCH /api/v1/vms/web",
     400,
     {"vm", "set", "web", "--restart-delay", "2h"},
     R"({"code":"usage","detail":"/restart/first_delay_ms: expected no more than longest_delay_ms, which is 90000",
         "pointer":"/restart/first_delay_ms",
         "hint":"GET /api/v1/openapi.yaml has the fields of every request"})",
     "hvis: --restart-delay: expected no more than --restart-longest-delay, which is 90s\n"
     "  see hvis vm set --help\n"},
    {"GET /api/v1/vms/web/kvp/auto",
     400,
     {"kvp", "list", "web", "--timeout", "2d"},
     R"({"code":"usage","detail":"parameter timeout_ms: expected integer 1..86400000",
         "hint":"GET /api/v1/openapi.yaml has the parameters of every path"})",
     "hvis: --timeout: expected 1ms to 1d\n  see hvis kvp list --help\n"},
    {"PATCH /api/v1/vms/web/heartbeat",
     400,
     {"heartbeat", "set", "web", "--misses", "5"},
     R"({"code":"usage","detail":"/window: must not be below the misses","pointer":"/window",
         "hint":"docs/control-protocol.md lists the fields of every verb"})",
     "hvis: --misses: must not be below the misses\n  see hvis heartbeat set --help\n"},
    {"PUT /api/v1/vms/web/ip",
     400,
     {"ip", "set", "web", "x", "--address", "y"},
     R"({"code":"usage","detail":"/addresses/0: expected an address","pointer":"/addresses/0",
         "hint":"docs/control-protocol.md lists the fields of every verb"})",
     "hvis: --address: expected an address\n  see hvis ip set --help\n"},
    {"PUT /api/v1/vms/web/ip",
     400,
     {"ip", "set", "web", "x", "--dhcp", "--gateway", "::1", "--gateway", "y", "--dns", "z"},
     R"({"code":"usage","detail":"/gateways/1: expected an address, not 'y'","pointer":"/gateways/1",
         "hint":"docs/control-protocol.md lists the fields of every verb"})",
     "hvis: --gateway: expected an address, not 'y'\n  see hvis ip set --help\n"},
    {"GET /api/v1/events",
     400,
     {"events", "--limit", "99999"},
     R"({"code":"usage","detail":"parameter limit: expected integer 1..10000",
         "hint":"GET /api/v1/openapi.yaml has the parameters of every path"})",
     "hvis: --limit: expected integer 1..10000\n  see hvis events --help\n"},
    // What is not known here stays as hvisd said it.
    {"PATCH /api/v1/vms/web",
     400,
     {"vm", "set", "web", "--memory", "1G"},
     R"({"code":"usage","detail":"/acpi/s5: expected true or false","pointer":"/acpi/s5",
         "hint":"ask hvisd's author"})",
     "hvis: /acpi/s5: expected true or false\n  ask hvisd's author\n"},
    {"DELETE /api/v1/tokens/y",
     404,
     {"token", "delete", "y"},
     R"({"code":"not_found","detail":"there is no such token","hint":"GET /api/v1/tokens"})",
     "hvis: there is no such token\n  'hvis token list' shows all\n"},
    {"DELETE /api/v1/vms/web",
     409,
     {"vm", "delete", "web", "--yes"},
     R"({"code":"unavailable","detail":"the VM is running",
         "hint":"stop it first, with 'hvis stop'"})",
     "hvis: the VM is running\n  stop it first, with 'hvis stop web'\n"},
    {"POST /api/v1/vms/web/pause",
     409,
     {"vm", "pause", "web"},
     R"({"code":"unavailable","detail":"the VM is not running: it is stopped",
         "hint":"start it first"})",
     "hvis: the VM is not running: it is stopped\n  start it first: hvis start web\n"},
    {"GET /api/v1/vms/web/kvp/auto",
     409,
     {"kvp", "list", "web"},
     R"({"code":"unavailable","detail":"the service is disabled","outcome":"service_disabled",
         "hint":"switch it on with 'service enable'"})",
     "hvis: the service is disabled\n  enable it: hvis service enable web kvp\n"},
    {"POST /api/v1/vms/web/time/sync",
     409,
     {"time", "sync", "web"},
     R"({"code":"unavailable","detail":"the service is disabled","outcome":"service_disabled",
         "hint":"switch it on with 'service enable'"})",
     "hvis: the service is disabled\n  enable it: hvis service enable web timesync\n"},
    {"POST /api/v1/vms/web/restart",
     409,
     {"vm", "restart", "web"},
     R"({"code":"unavailable","detail":"the service is disabled","outcome":"service_disabled",
         "hint":"switch it on with 'service enable'"})",
     "hvis: the service is disabled\n  enable it: hvis service enable web shutdown\n"},
    {"POST /api/v1/vms",
     409,
     {"vm", "create", "web", "--kernel", "/k"},
     R"({"code":"failed","detail":"there is a VM with this name or id already","pointer":"/name",
         "hint":"choose another one"})",
     "hvis: there is a VM with this name or id already\n"
     "  choose another name; 'hvis list' shows those that are taken\n"},
    {"POST /api/v1/vms/import",
     409,
     {"vm", "import", "/copy"},
     R"({"code":"failed","detail":"there is a VM with this name or id already","pointer":"/id",
         "hint":"choose another one"})",
     "hvis: there is a VM with this name or id already\n"
     "  take it in under another name (--name NEW), and with an id of its own (--new-id)\n"},
};

TEST(Wording, NamesOptionsAndVerbsInsteadOfTheApi) {
    FakeHvisd hvisd;
    for (const Said& said : kSaid) {
        hvisd.answer(said.request, said.status, said.problem);
        EXPECT_EQ(run_hvis(hvisd.path(), said.words).err, said.shown);
    }
}

TEST(Wording, LeavesThePointerToPrograms) {
    FakeHvisd hvisd;
    hvisd.answer("POST /api/v1/vms", 400, kSaid.front().problem);
    const auto error = nlohmann::json::parse(
        run_hvis(hvisd.path(), {"vm", "create", "web", "--json"}).err)["error"];
    EXPECT_EQ(error["pointer"], "/kernel");
    EXPECT_EQ(error["message"], "--kernel: required, but missing");
}

}  // namespace
}  // namespace hvis::cli
