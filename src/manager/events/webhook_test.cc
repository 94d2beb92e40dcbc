#include "manager/events/webhook.h"

#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/time_text.h"
#include "manager/events/fake_receiver.h"
#include "manager/events/webhook_sender.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;

constexpr Guid kSource = "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"_guid;

StoredEvent lost() {
    StoredEvent event;
    event.sequence = 7;
    event.time = *control::parse_time("2026-03-01T12:00:00.250Z");
    event.id = 3001;
    event.name = "heartbeat_lost";
    event.text = "it's \"gone\"";
    return event;
}

std::string header(const WebhookRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
        if (key == name) {
            return value;
        }
    }
    return "none";
}

TEST(Webhook, IsSignedAsTheSpecificationSays) {
    WebhookConfig config;
    config.key = *from_base64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    const auto now = *control::parse_time("2026-03-01T12:00:01Z");
    const WebhookRequest request = webhook_request(lost(), config, kSource, "host", now);
    EXPECT_EQ(header(request, "webhook-id"), kSource.to_string() + ".7");
    EXPECT_EQ(header(request, "webhook-timestamp"), "1772366401");
    const auto body = control::parse_json(request.body, 10'000);
    ASSERT_TRUE(body);
    EXPECT_EQ((*body)->at("type"), "heartbeat_lost");
    EXPECT_EQ((*body)->at("data"), to_json(lost()));
    EXPECT_EQ((*body)->at("host"), "host");
    // Made with `printf %s "ID.TIME.BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:… |
    // base64`.
    EXPECT_EQ(header(request, "webhook-signature"),
              "v1,E7QlUEUgZb04O/y2fxC9eVPjTkyb66TDGagNPQzo1xo=");
}

TEST(Webhook, KnowsWhichAnswersAreWorthAnotherTry) {
    using enum Attempt::Outcome;
    EXPECT_EQ(attempt_of_status(200).outcome, kTaken);
    EXPECT_EQ(attempt_of_status(204).outcome, kTaken);
    for (const long status : {408L, 425L, 429L, 500L, 503L}) {
        EXPECT_EQ(attempt_of_status(status).outcome, kFailed) << status;
    }
    for (const long status : {301L, 400L, 401L, 404L, 410L}) {
        EXPECT_EQ(attempt_of_status(status).outcome, kRefused) << status;
    }
}

TEST(Webhook, ReadsOnlyWellFormedBase64) {
    EXPECT_EQ(from_base64("aGk="), "hi");
    EXPECT_EQ(from_base64(base64("\x01\x02\xff")), "\x01\x02\xff");
    for (const std::string_view text : {"", "aGk", "aGk=aGk=", "a===", "aG k", "aGk=\n", "aGl="}) {
        EXPECT_FALSE(from_base64(text)) << text;
    }
}

class WebhookSenderTest : public testing::Test {
protected:
    std::unique_ptr<WebhookSender> sender(std::chrono::milliseconds timeout = kLong) {
        WebhookConfig config;
        config.name = "pager";
        config.url = receiver.url();
        config.key = std::string(32, 'k');
        config.timeout = timeout;
        auto created = WebhookSender::create(config, *loop);
        EXPECT_TRUE(created);
        return *std::move(created);
    }
    Attempt post(WebhookSender& sender) {
        std::optional<Attempt> result;
        sender.post({.headers = {{"webhook-id", "x.7"}}, .body = "{\"a\":1}"},
                    [&](const Attempt& attempt) { result = attempt; });
        while (!result) {
            loop->run_once(std::chrono::seconds(1));
        }
        return *result;
    }

    static constexpr std::chrono::milliseconds kLong = std::chrono::seconds(60);
    std::unique_ptr<loop::Loop> loop = std::move(*loop::Loop::create());
    FakeReceiver receiver;
};

TEST_F(WebhookSenderTest, PostsOverOneConnection) {
    receiver.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const auto own = sender();
    EXPECT_EQ(post(*own).outcome, Attempt::Outcome::kTaken);
    EXPECT_EQ(post(*own).outcome, Attempt::Outcome::kTaken);
    ASSERT_EQ(receiver.requests().size(), 2U);
    EXPECT_THAT(receiver.requests()[1], HasSubstr("webhook-id: x.7\r\n"));
    EXPECT_THAT(receiver.requests()[1], HasSubstr("\r\n\r\n{\"a\":1}"));
    EXPECT_EQ(receiver.connections(), 1U);
}

TEST_F(WebhookSenderTest, TellsHowAReceiverRefuses) {
    receiver.answer("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    const auto own = sender();
    const Attempt attempt = post(*own);
    EXPECT_EQ(attempt.outcome, Attempt::Outcome::kRefused);
    EXPECT_THAT(attempt.problem, HasSubstr("HTTP status 410"));
}

TEST_F(WebhookSenderTest, GivesUpOnAReceiverThatNeverAnswers) {
    const auto own = sender(std::chrono::milliseconds(200));
    const Attempt attempt = post(*own);
    EXPECT_EQ(attempt.outcome, Attempt::Outcome::kFailed);
    EXPECT_THAT(attempt.problem, HasSubstr("timed out"));
    EXPECT_GE(attempt.took, std::chrono::milliseconds(200));
}

TEST_F(WebhookSenderTest, GivesUpOnNonsenseAndOnAnswersWithoutEnd) {
    receiver.answer("220 smtp.example ESMTP\r\n");
    auto own = sender();
    EXPECT_EQ(post(*own).outcome, Attempt::Outcome::kFailed);
    receiver.answer("HTTP/1.1 200 OK\r\n\r\n" +
                    std::string(WebhookSender::kMaxAnswerBytes + 1, 'x'));
    own = sender();
    EXPECT_EQ(post(*own).outcome, Attempt::Outcome::kFailed);
}

TEST_F(WebhookSenderTest, GoesAtOnceWhileAReceiverIsSilent) {
    auto own = sender();
    own->post({.headers = {}, .body = "{}"}, [](const Attempt&) { ADD_FAILURE() << "abandoned"; });
    while (receiver.requests().empty()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const TimePoint begin = loop::Loop::now();
    own.reset();
    EXPECT_LT(loop::Loop::now() - begin, kLong / 2);
    loop->run_once(Duration::zero());
}

TEST_F(WebhookSenderTest, SaysThatNobodyListens) {
    receiver.stop();
    const auto own = sender();
    const Attempt attempt = post(*own);
    EXPECT_EQ(attempt.outcome, Attempt::Outcome::kFailed);
    EXPECT_THAT(attempt.problem, HasSubstr("connect"));
}

}  // namespace
}  // namespace hvis::manager
