#include "cli/http/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/http/fake_server.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using testing::ElementsAre;

TEST(Target, EncodesWhateverANameHas) {
    EXPECT_EQ(Target::vm("web").text(), "/api/v1/vms/web");
    EXPECT_EQ((Target::vm("a/b c") / "kvp" / "é%").text(), "/api/v1/vms/a%2Fb%20c/kvp/%C3%A9%25");
    EXPECT_EQ(Target::vm("..").text(), "/api/v1/vms/%2E.");
    EXPECT_EQ(Target("/events").with("vm", "").with("a", "1&2").with("b", "=").text(),
              "/api/v1/events?a=1%262&b=%3D");
}

TEST(Api, SendsDocumentsAndTakesThem) {
    const FakeServer server([](const FakeRequest&) { return reply_text(200, R"({"a":1})"); });
    Api api(UnixEndpoint{server.path()}, -1);
    const auto got = api.get(Target("/vms"));
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ((**got)["a"], 1);
    EXPECT_TRUE(api.send("PATCH", Target("/vms"), {{"b", 2}}));
    EXPECT_TRUE(api.remove(Target("/vms")));
    EXPECT_THAT(server.lines(), ElementsAre("GET /api/v1/vms", R"(PATCH /api/v1/vms {"b":2})",
                                            "DELETE /api/v1/vms"));
    EXPECT_THAT(server.requests()[1].head,
                testing::HasSubstr("Content-Type: application/merge-patch+json"));
}

Failure failure_from(unsigned status, const std::string& body) {
    return failure_of({.status = status, .content_type = "application/problem+json", .body = body});
}

TEST(Api, UnderstandsProblemDocuments) {
    const Failure problem = failure_from(
        409, R"({"type":"about:blank","title":"unavailable","status":409,"detail":"kvp is disabled",
                 "code":"unavailable","hint":"hvis service enable web kvp","pointer":"/pool"})");
    EXPECT_EQ(problem.code, ErrorCode::kUnavailable);
    EXPECT_EQ(problem.message, "kvp is disabled");
    EXPECT_EQ(problem.hint, "hvis service enable web kvp");
    EXPECT_EQ(problem.pointer, "/pool");
    EXPECT_EQ(failure_from(404, R"({"title":"no such VM"})").code, ErrorCode::kNotFound);
    EXPECT_EQ(failure_from(404, R"({"title":"no such VM"})").message, "no such VM");
}

TEST(Api, MakesTheBestOfOtherRefusals) {
    EXPECT_EQ(failure_from(400, "").code, ErrorCode::kUsage);
    EXPECT_EQ(failure_from(504, "<html>").code, ErrorCode::kTimedOut);
    EXPECT_EQ(failure_from(502, "[]").code, ErrorCode::kFailed);
    EXPECT_EQ(failure_from(502, "[]").message, "hvisd answered with HTTP status 502");
    EXPECT_THAT(failure_from(401, R"({"title":"no token"})").hint,
                testing::HasSubstr("--token-file"));
    EXPECT_THAT(failure_from(403, "").hint, testing::HasSubstr("higher role"));
}

TEST(Api, RefusesAnAnswerThatIsNoJson) {
    const FakeServer server([](const FakeRequest&) { return reply_text(200, "<html>"); });
    const auto got = Api(UnixEndpoint{server.path()}, -1).get(Target("/vms"));
    ASSERT_FALSE(got);
    EXPECT_THAT(got.error().message, testing::HasSubstr("does not answer in JSON"));
}

TEST(Api, FollowsServerSentEvents) {
    const FakeServer server([](const FakeRequest& request) {
        EXPECT_THAT(request.head, testing::HasSubstr("Accept: text/event-stream"));
        return reply_text(200, ": hi\n\nevent: a\ndata: {\"n\":1}\n\ndata: no json\n\ndata: 2\n\n",
                          "text/event-stream");
    });
    std::vector<std::string> taken;
    const auto followed = Api(UnixEndpoint{server.path()}, -1)
                              .follow(Target("/events"), [&](const auto& type, const Json& data) {
                                  taken.push_back(type + " " + data.dump());
                                  return true;
                              });
    EXPECT_TRUE(followed) << followed.error().message;
    EXPECT_THAT(taken, ElementsAre("a {\"n\":1}", "message 2"));
}

}  // namespace
}  // namespace hvis::cli
