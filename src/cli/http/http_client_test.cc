#include "cli/http/http_client.h"

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "base/unique_fd.h"
#include "cli/http/fake_server.h"
#include "cli/http/transport.h"

namespace hvis::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

Patience patient() {
    return {.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20),
            .interrupt = -1};
}

HttpRequest get_request() {
    HttpRequest request;
    request.target = "/x";
    return request;
}

Result<HttpReply, Failure> get(const std::string& reply) {
    const FakeServer server([&](const FakeRequest&) { return reply; });
    HttpClient client{UnixEndpoint{server.path()}};
    return client.exchange(get_request(), patient());
}

TEST(HttpClient, SendsARequestAndTakesItsReply) {
    const FakeServer server(
        [](const FakeRequest&) { return reply_text(201, "made", "text/plain"); });
    HttpClient client{UnixEndpoint{server.path()}};
    HttpRequest request;
    request.method = "POST";
    request.target = "/api/v1/vms?x=1";
    request.body = "{}";
    request.content_type = "application/json";
    const auto reply = client.exchange(request, patient());
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 201U);
    EXPECT_EQ(reply->content_type, "text/plain");
    EXPECT_EQ(reply->body, "made");
    ASSERT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(server.requests()[0].line(), "POST /api/v1/vms?x=1 {}");
    EXPECT_THAT(server.requests()[0].head, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_THAT(server.requests()[0].head, Not(HasSubstr("Authorization")));
}

TEST(HttpClient, TakesBodiesInChunksAndUntilTheConnectionEnds) {
    const auto chunked = get(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    ASSERT_TRUE(chunked) << chunked.error().message;
    EXPECT_EQ(chunked->body, "abcde");
    const auto endless = get("HTTP/1.1 200 OK\r\n\r\nabc");
    ASSERT_TRUE(endless) << endless.error().message;
    EXPECT_EQ(endless->body, "abc");
    const auto none = get("HTTP/1.1 204 No Content\r\n\r\n");
    ASSERT_TRUE(none) << none.error().message;
    EXPECT_EQ(none->status, 204U);
}

TEST(HttpClient, TellsAReplyThatIsCutShortFromOneThatIsNoHttp) {
    const auto nothing = get("");
    ASSERT_FALSE(nothing);
    EXPECT_EQ(nothing.error().outcome, kDisconnected);
    const auto cut = get("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().outcome, kDisconnected);
    const auto other = get("SSH-2.0-OpenSSH_9.2\r\n");
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message, HasSubstr("does not answer as hvisd does"));
}

TEST(HttpClient, GivesUpAtTheDeadlineAndAtAnInterrupt) {
    const UniqueFd release(::eventfd(0, EFD_CLOEXEC));
    FakeServer server([&](const FakeRequest&) {
        eventfd_t value = 0;
        ::eventfd_read(release.get(), &value);  // holds the answer back
        return std::string();
    });
    HttpClient client{UnixEndpoint{server.path()}};
    const auto late = client.exchange(get_request(), {.deadline = std::chrono::steady_clock::now() +
                                                                  std::chrono::milliseconds(50),
                                                      .interrupt = -1});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, control::ErrorCode::kTimedOut);
    const UniqueFd interrupt(::eventfd(1, EFD_CLOEXEC));
    const auto stopped =
        client.exchange(get_request(), {.deadline = {}, .interrupt = interrupt.get()});
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().outcome, kInterrupted);
    ::eventfd_write(release.get(), 1);
    ::eventfd_write(release.get(), 1);
}

TEST(HttpClient, FollowsAStreamUntilTheSinkHasEnough) {
    const FakeServer server([](const FakeRequest&) {
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n";
    });
    HttpClient client{UnixEndpoint{server.path()}};
    std::string taken;
    const auto enough = client.follow(get_request(), patient(), [&](std::string_view piece) {
        taken += piece;
        return taken.size() < 3;
    });
    EXPECT_TRUE(enough) << enough.error().message;
    EXPECT_THAT(taken, HasSubstr("abc"));
    const auto cut =
        client.follow(get_request(), patient(), [&](std::string_view) { return true; });
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().outcome, kDisconnected);
}

TEST(HttpClient, KeepsARefusalOutOfTheSink) {
    const FakeServer server([](const FakeRequest&) { return reply_text(404, "{}"); });
    HttpClient client{UnixEndpoint{server.path()}};
    const auto reply = client.follow(get_request(), patient(), [&](std::string_view) {
        ADD_FAILURE() << "the sink got the body of an error";
        return true;
    });
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 404U);
    EXPECT_EQ(reply->body, "{}");
}

TEST(Connecting, SaysWhatToStartAndWhoMay) {
    const auto nobody = connect(UnixEndpoint{"/nowhere/hvisd.sock"}, patient());
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().message, "hvisd does not run: nobody listens at /nowhere/hvisd.sock");
    EXPECT_THAT(nobody.error().hint, HasSubstr("start it: hvisd"));
    EXPECT_THAT(explain_unix_connect(kSystemSocket, ECONNREFUSED).hint,
                HasSubstr("systemctl start hvisd"));
    const Failure barred = explain_unix_connect("/nowhere/hvisd.sock", EACCES);
    EXPECT_EQ(barred.message, "no permission for /nowhere/hvisd.sock");
    EXPECT_THAT(barred.hint, HasSubstr("usermod -aG hvis "));
    EXPECT_THAT(barred.hint, HasSubstr(" = \"operator\" }, then: sudo systemctl reload hvisd"));
    const auto long_path = connect(UnixEndpoint{"/" + std::string(200, 'x')}, patient());
    ASSERT_FALSE(long_path);
    EXPECT_EQ(long_path.error().code, control::ErrorCode::kUsage);
}

}  // namespace
}  // namespace hvis::cli
