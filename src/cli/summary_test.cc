#include "cli/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::cli {
namespace {

/// A VM that has run for a second with 512 MiB and 2 processors.
Json running(const char* name) {
    return {{"name", name},
            {"state", "running"},
            {"definition", {{"memory", 536870912}, {"processors", 2}}},
            {"status",
             {{"uptime_ms", 1000},
              {"memory", 536870912},
              {"processors", 2},
              {"services",
               {{{"service", "heartbeat"}, {"primary", "ok"}, {"applications", "healthy"}}}}}}};
}

TEST(Summaries, ShowWhatAVmRunsWithAndMarkWhatItsNextStartChanges) {
    Json more = running("more");
    more["definition"]["memory"] = 1073741824;
    Json fewer = running("fewer");
    fewer["definition"]["processors"] = 1;
    EXPECT_EQ(summaries_text({{"vms", {more, fewer, running("same")}}}),
              "NAME   STATE    UP   HEARTBEAT  MEMORY    CPUS  ADDRESSES\n"
              "more   running  1 s  ok         512 MiB*  2     -\n"
              "fewer  running  1 s  ok         512 MiB   2*    -\n"
              "same   running  1 s  ok         512 MiB   2     -\n"
              "* something else from its next start: hvis vm show NAME\n");
}

/// A VM whose worker does not answer; what it said last is that all was well.
Json unreachable() {
    Json vm = running("web");
    vm["state"] = "unreachable";
    vm["explanation"] = "the worker lives, but does not answer: no answer for 10 s";
    vm["status"]["name"] = "web";
    vm["status"]["state"] = "running";
    vm["status"]["guest"]["ipv4"] = {"192.0.2.10"};
    vm["status"]["services"].push_back(
        {{"service", "kvp"}, {"primary", "disabled"}, {"secondary", "ok"}});
    return vm;
}

TEST(Summaries, CallNothingOkOfAWorkerThatDoesNotAnswer) {
    EXPECT_EQ(summaries_text({{"vms", Json::array({unreachable()})}}),
              "NAME  STATE        UP  HEARTBEAT  MEMORY   CPUS  ADDRESSES\n"
              "web   unreachable  -   unknown    512 MiB  2     192.0.2.10\n");
}

TEST(Status, ShowsWhatASilentWorkerSaidLastAsSuch) {
    Json vm = unreachable();
    for (Json& service : vm["status"]["services"]) {
        service["secondary"] = "ok";
    }
    const std::string text = status_text(vm);
    EXPECT_THAT(text, testing::ContainsRegex("State +unreachable\n"));
    EXPECT_THAT(text, testing::ContainsRegex("Why +the worker lives, but does not answer: "));
    EXPECT_THAT(text, testing::HasSubstr("hvis stop web --power-off\n"));
    EXPECT_THAT(text, testing::HasSubstr("192.0.2.10 (last known)\n"));
    EXPECT_THAT(text, testing::HasSubstr("\nAs last known, before the worker fell silent:\n"));
    EXPECT_THAT(text, testing::ContainsRegex("heartbeat +was ok \\(applications healthy\\)"));
    EXPECT_THAT(text, testing::ContainsRegex("kvp +disabled "));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("running")));
    vm.erase("status");
    EXPECT_THAT(status_text(vm), testing::HasSubstr("--power-off\n"));
}

TEST(Definition, ShowsWhatAVmRunsWithBesideWhatItWillHave) {
    Json vm = running("web");
    EXPECT_THAT(definition_text(vm), testing::ContainsRegex("Memory +512 MiB\nProcessors +2\n"));
    vm["definition"]["memory"] = 1073741824;
    vm["definition"]["processors"] = 1;
    EXPECT_THAT(
        definition_text(vm),
        testing::ContainsRegex("Memory +1024 MiB \\(512 MiB now\\)\nProcessors +1 \\(2 now\\)\n"));
    vm.erase("status");
    EXPECT_THAT(definition_text(vm), testing::ContainsRegex("Memory +1024 MiB\n"));
}

TEST(Summaries, DoNotCallCriticalApplicationsOk) {
    Json vm = running("web");
    Json& heartbeat = vm["status"]["services"][0];
    heartbeat["applications"] = "critical";
    EXPECT_EQ(summaries_text({{"vms", Json::array({vm})}}),
              "NAME  STATE    UP   HEARTBEAT              MEMORY   CPUS  ADDRESSES\n"
              "web   running  1 s  applications critical  512 MiB  2     -\n");
    heartbeat["primary"] = "lost_communication";  // what it said before counts no more
    EXPECT_EQ(summaries_text({{"vms", Json::array({vm})}}),
              "NAME  STATE    UP   HEARTBEAT           MEMORY   CPUS  ADDRESSES\n"
              "web   running  1 s  lost_communication  512 MiB  2     -\n");
}

}  // namespace
}  // namespace hvis::cli
