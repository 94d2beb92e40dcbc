#include "cli/summary.h"

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
