#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/fake_hvisd.h"

namespace hvis::cli {
namespace {

using testing::HasSubstr;

TEST(DeleteVm, IsRefusedForOneThatRuns) {
    FakeHvisd hvisd;
    hvisd.answer("DELETE /api/v1/vms/web", 409,
                 R"({"code":"unavailable","detail":"the VM is running","hint":"stop it"})");
    EXPECT_EQ(run_hvis(hvisd.path(), {"vm", "delete", "web", "--yes"}).status, 1);
}

TEST(Stop, IsDoneWhereTheVmIsDownAlready) {
    FakeHvisd hvisd;
    const Outcome people = run_hvis(hvisd.path(), {"stop", "db"});
    EXPECT_EQ(people.status, 0);
    EXPECT_EQ(people.out, "db does not run: it is failed already\n");
    const Outcome programs = run_hvis(hvisd.path(), {"stop", "db", "--no-wait", "--json"});
    EXPECT_EQ(nlohmann::json::parse(programs.out)["state"], "failed");
}

TEST(Stop, TellsNothingToAGuestWhosePowerIsCut) {
    FakeHvisd hvisd;
    const std::vector<std::vector<std::string>> told = {
        {"--force"}, {"--message", "bye"}, {"--reason", "7"}, {"--timeout", "5s"}};
    for (std::vector<std::string> words : told) {
        const std::string option = words.front();
        words.insert(words.begin(), {"stop", "web", "--power-off"});
        const Outcome outcome = run_hvis(hvisd.path(), words);
        EXPECT_EQ(outcome.status, 2);
        EXPECT_EQ(outcome.err, "hvis: --power-off does not ask the guest: it takes no " + option +
                                   "\n  leave one of the two out\n");
    }
    EXPECT_THAT(hvisd.take_lines(), testing::IsEmpty());
}

TEST(Wait, FailsAtOnceForAServiceThatIsDisabled) {
    FakeHvisd hvisd;  // kvp of web is disabled
    for (const char* condition : {"kvp", "ip"}) {
        const Outcome outcome = run_hvis(hvisd.path(), {"wait", "web", "--for", condition});
        EXPECT_EQ(outcome.status, 5);
        EXPECT_THAT(outcome.err, HasSubstr("kvp of web is disabled"));
        EXPECT_THAT(outcome.err, HasSubstr("\n  enable it: hvis service enable web kvp\n"));
    }
    EXPECT_THAT(hvisd.take_lines(),
                testing::ElementsAre("GET /api/v1/vms/web", "GET /api/v1/vms/web"));
}

TEST(Status, ShowsWhatTheWorkerSaysNow) {
    FakeHvisd hvisd;
    hvisd.answer("GET /api/v1/vms/web/status", 200,
                 R"({"name":"web","state":"paused","processors":1,"memory":67108864,"services":[
                     {"service":"heartbeat","primary":"disabled","secondary":"ok",
                      "applications":"unknown"}]})");
    const std::string text = run_hvis(hvisd.path(), {"status", "web"}).out;
    EXPECT_THAT(text, HasSubstr("paused, up"));
    EXPECT_THAT(text, HasSubstr("heartbeat  disabled "));
    EXPECT_THAT(text, testing::Not(HasSubstr("applications")));
    hvisd.answer("GET /api/v1/vms/web/status", 409,
                 R"({"code":"unavailable","detail":"the VM is not running"})");
    const Outcome gone = run_hvis(hvisd.path(), {"status", "web"});
    EXPECT_EQ(gone.status, 0);
    EXPECT_THAT(gone.out, HasSubstr("running, up")) << "as hvisd knew it";
}

TEST(Status, AsksNoWorkerThatDoesNotAnswer) {
    FakeHvisd hvisd;
    hvisd.answer("GET /api/v1/vms/web", 200,
                 R"({"name":"web","state":"unreachable","definition":DEFINITION,"status":STATUS})");
    const Outcome outcome = run_hvis(hvisd.path(), {"status", "web"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_THAT(outcome.out, HasSubstr("hvis stop web --power-off\n"));
    EXPECT_THAT(outcome.out, HasSubstr("was ok (applications healthy)"));
    EXPECT_THAT(hvisd.take_lines(), testing::ElementsAre("GET /api/v1/vms/web"));
}

}  // namespace
}  // namespace hvis::cli
