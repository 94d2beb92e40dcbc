// hvis-vm --connect, the tester's tool, with a guest behind it: exit statuses and what it prints.
#include <gmock/gmock.h>

#include "harness/guest_test.h"

namespace hvis::guests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class CommandLine : public GuestTest {
protected:
    Finished hvis(std::vector<std::string> arguments) {
        std::vector<std::string> all = {hvis_vm(), "--connect", guest()->paths().control};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return run_program(all);
    }
};

TEST_F(CommandLine, ShowsTheStatus) {
    const Finished status = hvis({"status"});
    EXPECT_EQ(status.status, 0) << status.errors;
    EXPECT_THAT(status.output, AllOf(HasSubstr("running"), HasSubstr("heartbeat"), HasSubstr("kvp"),
                                     HasSubstr("timesync"), HasSubstr("shutdown")));
    const Finished json = hvis({"status", "--json"});
    EXPECT_EQ(json.status, 0) << json.errors;
    EXPECT_THAT(json.output, HasSubstr("\"services\""));
}

TEST_F(CommandLine, SetsAndGetsPairs) {
    EXPECT_EQ(hvis({"kvp", "set", "role", "web"}).status, 0);
    EXPECT_THAT(hvis({"kvp", "get", "role", "--pool", "external"}).output, HasSubstr("web"));
    EXPECT_EQ(hvis({"kvp", "add", "role", "db"}).status, 1);
    EXPECT_EQ(hvis({"kvp", "delete", "role"}).status, 0);
    EXPECT_EQ(hvis({"kvp", "delete", "role"}).status, 3);
    EXPECT_EQ(hvis({"kvp", "get", "role", "--pool", "external"}).status, 3);
}

TEST_F(CommandLine, TellsADisabledServiceByItsExitStatus) {
    EXPECT_EQ(hvis({"service", "disable", "timesync"}).status, 0);
    const Finished sync = hvis({"time", "sync"});
    EXPECT_EQ(sync.status, 5);
    EXPECT_THAT(sync.errors, HasSubstr("service enable"));
    EXPECT_EQ(hvis({"service", "enable", "timesync"}).status, 0);
    guest().expect_service("timesync", "ok");
}

TEST_F(CommandLine, TellsARefusalAndATimeoutByItsExitStatus) {
    EXPECT_EQ(hvis({"hibernate", "--timeout", "60s"}).status, 1);
    EXPECT_EQ(hvis({"wait", "--for", "stopped", "--timeout", "100ms"}).status, 4);
    EXPECT_EQ(hvis({"wait", "--for", "heartbeat", "--timeout", "60s"}).status, 0);
}

TEST_F(CommandLine, ShowsTimeHeartbeatAndEvents) {
    EXPECT_EQ(hvis({"time", "show"}).status, 0);
    EXPECT_EQ(hvis({"heartbeat", "show"}).status, 0);
    EXPECT_EQ(hvis({"ip", "show"}).status, 0);
    EXPECT_EQ(hvis({"stats"}).status, 0);
    EXPECT_THAT(hvis({"events"}).output, HasSubstr("connected"));
}

}  // namespace
}  // namespace hvis::guests
