#include "manager/api/gateway.h"

#include <thread>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using ::testing::HasSubstr;

void echo(ApiContext&, const ApiRequest&, Responder) {}

constexpr auto kRoutes = std::to_array<Route>({
    {Method::kGet, "/vms", Role::kViewer, Body::kNone, echo},
    {Method::kPost, "/vms", Role::kAdministrator, Body::kRequired, echo},
    {Method::kPost, "/vms/import", Role::kAdministrator, Body::kRequired, echo},
    {Method::kGet, "/vms/{vm}", Role::kViewer, Body::kNone, echo},
    {Method::kPost, "/vms/{vm}/start", Role::kOperator, Body::kOptional, echo},
    {Method::kGet, "/vms/{vm}/kvp/{pool}/{key}", Role::kViewer, Body::kNone, echo,
     Parameters::kRead},
});

/// Keeps the answer.
class FakeExchange final : public Exchange {
public:
    void answer(HttpResponse response) override {
        if (!response_) {
            response_ = std::move(response);
        }
    }
    std::shared_ptr<StreamSink> stream(HttpResponse) override { return nullptr; }
    void on_gone(std::function<void()>) override {}
    [[nodiscard]] unsigned status() const { return response_ ? response_->status : 0; }
    [[nodiscard]] control::Json document() const { return control::Json::parse(response_->body); }
    [[nodiscard]] std::string header(const std::string& wanted) const {
        for (const auto& [name, value] : response_->headers) {
            if (name == wanted) {
                return value;
            }
        }
        return {};
    }

private:
    std::optional<HttpResponse> response_;
};

class GatewayTest : public ::testing::Test {
protected:
    GatewayTest() {
        access_.set_tokens(
            {{.id = {}, .name = "v", .role = Role::kViewer, .sha256 = sha256("v")},
             {.id = {}, .name = "o", .role = Role::kOperator, .sha256 = sha256("o")},
             {.id = {}, .name = "a", .role = Role::kAdministrator, .sha256 = sha256("a")}});
        gateway_.emplace(
            *loop_, router_, access_, alive_,
            [this](const ApiRequest& request, const Responder& responder) {
                seen_ = request;
                responder.done();
            },
            [this](const Guid&) { ++touches_; });
    }

    std::shared_ptr<FakeExchange> send(Method method, const std::string& target,
                                       const std::string& body = {}, const std::string& token = "a",
                                       const std::string& type = "application/json") {
        auto exchange = std::make_shared<FakeExchange>();
        HttpRequest request;
        request.method = method;
        request.target = target;
        request.authorization = "Bearer " + token;
        request.content_type = type;
        request.body = body;
        gateway_->handle(request, exchange);
        loop_->run_once(Duration::zero());
        return exchange;
    }

    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    Router router_{kRoutes};
    Access access_{{}, 991};
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    std::optional<Gateway> gateway_;
    std::optional<ApiRequest> seen_;
    int touches_ = 0;
};

TEST_F(GatewayTest, HandsDecodedNamesToTheHandler) {
    EXPECT_EQ(send(Method::kGet, "/vms/web/kvp/guest/a%2Fb%20c?timeout_ms=5")->status(), 200U);
    ASSERT_TRUE(seen_);
    EXPECT_EQ(seen_->name("key"), "a/b c");
    EXPECT_EQ(seen_->query.front().second, "5");
    EXPECT_EQ(seen_->caller.name, "token a");
}

TEST_F(GatewayTest, TellsUnknownPathsFromWrongMethods) {
    EXPECT_EQ(send(Method::kGet, "/nothing")->status(), 404U);
    EXPECT_EQ(send(Method::kGet, "/vms/")->status(), 404U);
    const auto wrong = send(Method::kDelete, "/vms");
    EXPECT_EQ(wrong->status(), 405U);
    EXPECT_EQ(wrong->header("Allow"), "GET, HEAD, POST, OPTIONS");
    EXPECT_EQ(send(Method::kPost, "/vms/import", "{}")->status(), 200U);
    EXPECT_EQ(seen_->route->path, "/vms/import");
    EXPECT_EQ(send(Method::kGet, "/vms/import")->status(), 200U);
    EXPECT_EQ(seen_->name("vm"), "import");
    EXPECT_EQ(send(Method::kOther, "/vms")->status(), 405U);
}

TEST_F(GatewayTest, RefusesParametersThatARouteDoesNotTake) {
    const auto refused = send(Method::kGet, "/vms/web?since=5&since=6");
    EXPECT_EQ(refused->status(), 400U);
    EXPECT_EQ(refused->document()["parameter"], "since");
    EXPECT_FALSE(refused->document().contains("pointer"));
    EXPECT_EQ(send(Method::kPost, "/vms/web/start?now", "{}")->status(), 400U);
    EXPECT_EQ(send(Method::kGet, "/vms/web?")->status(), 200U);
    EXPECT_EQ(send(Method::kGet, "/vms?x=1", {}, "wrong")->status(), 401U) << "strangers first";
}

TEST_F(GatewayTest, AnswersOptionsAndHead) {
    const auto options = send(Method::kOptions, "/vms/web");
    EXPECT_EQ(options->status(), 204U);
    EXPECT_EQ(options->header("Allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(send(Method::kHead, "/vms/web")->status(), 200U);
}

TEST_F(GatewayTest, HoldsEveryRouteAgainstEveryRole) {
    const std::map<Role, std::string> tokens = {
        {Role::kViewer, "v"}, {Role::kOperator, "o"}, {Role::kAdministrator, "a"}};
    for (const Route& route : kRoutes) {
        for (const auto& [role, token] : tokens) {
            std::string target(route.path);
            for (const char* name : {"{vm}", "{pool}", "{key}"}) {
                if (const size_t at = target.find(name); at != std::string::npos) {
                    target.replace(at, std::string_view(name).size(), "x");
                }
            }
            const std::string body = route.body == Body::kNone ? "" : "{}";
            EXPECT_EQ(send(route.method, target, body, token)->status(),
                      role >= route.role ? 200U : 403U)
                << route.path << " as " << token;
        }
    }
}

TEST_F(GatewayTest, TellsStrangersNothingAboutPaths) {
    EXPECT_EQ(send(Method::kGet, "/nothing", {}, "wrong")->status(), 401U);
    EXPECT_EQ(send(Method::kGet, "/vms", {}, "wrong")->status(), 401U);
    EXPECT_EQ(send(Method::kOptions, "/vms", {}, "wrong")->status(), 401U);
}

TEST_F(GatewayTest, RefusesBodiesThatAreNotWhatTheRouteTakes) {
    EXPECT_EQ(send(Method::kPost, "/vms")->status(), 400U);
    EXPECT_EQ(send(Method::kPost, "/vms", "[]")->status(), 400U);
    EXPECT_EQ(send(Method::kPost, "/vms", "{")->status(), 400U);
    EXPECT_EQ(send(Method::kPost, "/vms", "{}", "a", "text/plain")->status(), 415U);
    EXPECT_EQ(send(Method::kPost, "/vms", "{}", "a", "application/json; charset=utf-8")->status(),
              200U);
    EXPECT_EQ(send(Method::kPost, "/vms/x/start")->status(), 200U);
    const auto unknown = send(Method::kGet, "/vms", R"({"a/b":1})");
    EXPECT_EQ(unknown->status(), 400U);
    EXPECT_EQ(unknown->document()["pointer"], "/a~1b");
    EXPECT_EQ(unknown->document()["code"], "usage");
    EXPECT_EQ(send(Method::kGet, "/vms", "{}")->status(), 200U);
}

TEST_F(GatewayTest, RefusesEarlyWhatNeedsNoBody) {
    HttpRequest head;
    head.method = Method::kPost;
    head.target = "/vms";
    head.authorization = "Bearer v";
    ASSERT_TRUE(gateway_->refuse(head));
    EXPECT_EQ(gateway_->refuse(head)->status, 403U);
    head.authorization = "Bearer a";
    EXPECT_FALSE(gateway_->refuse(head));
}

TEST_F(GatewayTest, SaysThatItIsBusyWhenTheManagerFallsBehind) {
    for (size_t count = 0; count < loop::Loop::kMaxPosted; ++count) {
        loop_->post([] {});
    }
    const auto busy = send(Method::kGet, "/vms");
    EXPECT_EQ(busy->status(), 503U);
    EXPECT_EQ(busy->header("Retry-After"), "1");
}

TEST_F(GatewayTest, CallsNobodyWhoHasGone) {
    alive_.reset();
    const auto late = send(Method::kGet, "/vms");
    EXPECT_FALSE(seen_);
    EXPECT_EQ(late->status(), 500U);
}

TEST_F(GatewayTest, NotesTheUseOfATokenOnceAMinute) {
    send(Method::kGet, "/vms");
    send(Method::kGet, "/vms");
    EXPECT_EQ(touches_, 1);
}

}  // namespace
}  // namespace hvis::manager
