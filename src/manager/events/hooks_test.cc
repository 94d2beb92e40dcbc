#include "manager/events/hooks.h"

#include <gmock/gmock.h>

#include "manager/events/fake_receiver.h"
#include "manager/events/test_log.h"

namespace hvis::manager {
namespace {

using testing::HasSubstr;

class HooksTest : public LogTest {
protected:
    HooksTest() {
        WebhookConfig webhook;
        webhook.name = "pager";
        webhook.url = receiver.url();
        webhook.key = std::string(32, 'k');
        webhook.timeout = std::chrono::seconds(60);
        config.webhooks = {webhook};
        ExecHookConfig program;
        program.name = "program";
        program.command = {"/bin/sh", "-c", "cat >>'" + folder.file("seen") + "'"};
        config.programs = {program};
        receiver.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    ~HooksTest() override { hooks.reset(); }
    void begin_hooks() { hooks = must(Hooks::create(config, *loop, *store, *log)); }

    Result<Hooks::TestResult, Failure> test(Duration patience) {
        std::optional<Result<Hooks::TestResult, Failure>> result;
        hooks->test({.id = kWeb, .name = "web"}, "uid 0", patience,
                    [&](const auto& done) { result = done; });
        EXPECT_TRUE(run_until([&] { return result.has_value(); }));
        return *result;
    }

    FakeReceiver receiver;
    Hooks::Config config;
    std::unique_ptr<Hooks> hooks;
};

TEST_F(HooksTest, ProveTheWholeAlertPath) {
    begin_hooks();
    const auto result = test(std::chrono::seconds(50));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->event.id, 8001);
    EXPECT_EQ(result->event.vm_name, "web");
    ASSERT_EQ(result->deliveries.size(), 2U);
    EXPECT_EQ(result->deliveries[0].hook, "pager");
    EXPECT_EQ(result->deliveries[0].state, Delivery::State::kTaken);
    EXPECT_EQ(result->deliveries[1].hook, "program");
    EXPECT_EQ(result->deliveries[1].state, Delivery::State::kTaken);
    EXPECT_THAT(receiver.requests().at(0), HasSubstr("\"type\":\"alert_test\""));
    EXPECT_THAT(receiver.requests().at(0),
                HasSubstr("webhook-id: " + store->id().to_string() + "."));
    EXPECT_THAT(read_file(folder.file("seen")), HasSubstr("\"name\":\"alert_test\""));
    EXPECT_EQ(hooks->deliveries_of(result->event)[0].state, Delivery::State::kTaken);
}

TEST_F(HooksTest, SayWhyATestWasNotTaken) {
    receiver.answer("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    config.programs[0].filter.vms = {"mail"};
    begin_hooks();
    const auto result = test(std::chrono::seconds(50));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->deliveries[0].state, Delivery::State::kWaiting);
    EXPECT_THAT(result->deliveries[0].problem, HasSubstr("HTTP status 500"));
    EXPECT_EQ(result->deliveries[1].state, Delivery::State::kFiltered);
}

TEST_F(HooksTest, DoNotWaitForASilentReceiver) {
    receiver.answer("");
    begin_hooks();
    const auto result = test(std::chrono::milliseconds(300));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->deliveries[0].state, Delivery::State::kWaiting);
    EXPECT_EQ(result->deliveries[0].attempts, 1U);
    EXPECT_EQ(result->deliveries[1].state, Delivery::State::kTaken) << "harmed by the other";
}

TEST_F(HooksTest, SayThatATestDidNotGetIntoTheLog) {
    begin_hooks();
    must(store->limit_size(1));
    std::vector<StoredEvent> filler(1);
    while (store->append_events(filler, {})) {
    }
    const auto result = test(std::chrono::milliseconds(300));
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("no room to grow"));
    must(store->limit_size(0));
}

TEST_F(HooksTest, AreLimitedInNumberAndInTests) {
    begin_hooks();
    int refused = 0;
    for (size_t count = 0; count <= Hooks::kMaxTests; ++count) {
        hooks->test({.id = kWeb, .name = "web"}, "uid 0", std::chrono::hours(1),
                    [&](const auto& done) { refused += done ? 0 : 1; });
    }
    EXPECT_EQ(refused, 1);
    config.programs.assign(Hooks::kMaxHooks, config.programs[0]);
    EXPECT_FALSE(Hooks::create(config, *loop, *store, *log));
}

}  // namespace
}  // namespace hvis::manager
