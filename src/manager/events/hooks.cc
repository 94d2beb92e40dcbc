#include "manager/events/hooks.h"

#include <algorithm>
#include <array>
#include <list>
#include <utility>

#include <unistd.h>

#include "manager/events/exec_hook.h"
#include "manager/events/webhook_sender.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;

std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

/// A WebhookSender as a Deliverer.
class Webhook : public Deliverer {
public:
    Webhook(WebhookConfig config, const Guid& source, std::unique_ptr<WebhookSender> sender)
        : config_(std::move(config)), source_(source), sender_(std::move(sender)) {}

    void deliver(const StoredEvent& event, std::function<void(Attempt)> done) override {
        const auto now = WallTime::from_system(std::chrono::system_clock::now());
        sender_->post(webhook_request(event, config_, source_, host_, now), std::move(done));
    }

private:
    WebhookConfig config_;
    Guid source_;
    std::string host_ = host_name();
    std::unique_ptr<WebhookSender> sender_;
};

}  // namespace

struct Hooks::State {
    /// How often a test looks whether all hooks are done.
    static constexpr Duration kLookEvery = std::chrono::milliseconds(20);

    struct Test {
        Guid vm;
        TimePoint deadline;
        TestDone done;
        std::optional<StoredEvent> event;  ///< once it is in the log
        loop::Loop::TimerId timer = 0;
    };

    State(loop::Loop& its_loop, EventLog& its_events) : loop(its_loop), events(its_events) {}

    void committed(const StoredEvent& event);
    void look(std::list<Test>::iterator test);
    [[nodiscard]] std::vector<Delivery> deliveries_of(const StoredEvent& event) const;

    loop::Loop& loop;
    EventLog& events;
    std::vector<std::unique_ptr<HookQueue>> queues;
    EventLog::SubscriptionId subscription = 0;
    std::list<Test> tests;
};

Result<std::unique_ptr<Hooks>, Failure> Hooks::create(const Config& config, loop::Loop& loop,
                                                      Store& store, EventLog& events) {
    if (config.webhooks.size() + config.programs.size() > kMaxHooks) {
        return std::unexpected(control::make_failure(
            ErrorCode::kUsage,
            "there are more than " + std::to_string(kMaxHooks) + " webhooks and hooks"));
    }
    auto state = std::make_unique<State>(loop, events);
    for (const WebhookConfig& webhook : config.webhooks) {
        auto sender = HVIS_TRY(WebhookSender::create(webhook, loop));
        state->queues.push_back(std::make_unique<HookQueue>(
            webhook.name, webhook.filter,
            std::make_unique<Webhook>(webhook, store.id(), std::move(sender)), loop, store,
            events));
    }
    for (const ExecHookConfig& program : config.programs) {
        state->queues.push_back(std::make_unique<HookQueue>(
            program.name, program.filter, std::make_unique<ExecHook>(program, loop), loop, store,
            events));
    }
    for (const auto& queue : state->queues) {
        HVIS_CHECK(queue->begin());
    }
    State& own = *state;
    state->subscription =
        events.subscribe([&own](const StoredEvent& event) { own.committed(event); });
    return std::unique_ptr<Hooks>(new Hooks(std::move(state)));
}

Hooks::Hooks(std::unique_ptr<State> state) : state_(std::move(state)) {}

Hooks::~Hooks() {
    state_->events.unsubscribe(state_->subscription);
    for (const State::Test& test : state_->tests) {
        state_->loop.cancel_timer(test.timer);
    }
}

std::vector<Delivery> Hooks::State::deliveries_of(const StoredEvent& event) const {
    std::vector<Delivery> deliveries;
    for (const auto& queue : queues) {
        deliveries.push_back(queue->delivery_of(event));
    }
    return deliveries;
}

std::vector<Delivery> Hooks::deliveries_of(const StoredEvent& event) const {
    return state_->deliveries_of(event);
}

void Hooks::State::committed(const StoredEvent& event) {
    for (const auto& queue : queues) {
        queue->poke();
    }
    if (event.id != std::to_underlying(control::EventId::kAlertTest)) {
        return;
    }
    // The oldest test of this VM that has no event yet: events come in the order of the tests.
    const auto test = std::ranges::find_if(
        tests, [&](const Test& each) { return !each.event && each.vm == event.vm; });
    if (test != tests.end()) {
        test->event = event;
    }
}

void Hooks::State::look(std::list<Test>::iterator test) {
    test->timer = 0;
    const bool late = loop::Loop::now() >= test->deadline;
    std::vector<Delivery> deliveries;
    bool over = false;
    if (test->event) {
        deliveries = deliveries_of(*test->event);
        // An attempt that failed has a problem to show; there is no need to wait for the next.
        over = std::ranges::none_of(deliveries, [](const Delivery& delivery) {
            return delivery.state == Delivery::State::kWaiting && delivery.problem.empty();
        });
    }
    if (!late && !over) {
        test->timer = loop.add_timer(loop::Loop::now() + kLookEvery, [this, test] { look(test); });
        return;
    }
    const TestDone done = std::move(test->done);
    const std::optional<StoredEvent> event = std::move(test->event);
    tests.erase(test);
    if (event) {
        done(TestResult{.event = *event, .deliveries = std::move(deliveries)});
    } else {
        const auto& problem = events.problem();
        done(std::unexpected(problem
                                 ? *problem
                                 : control::make_failure(ErrorCode::kTimedOut,
                                                         "the event was not committed in time")));
    }
}

void Hooks::test(const EventLog::Subject& vm, const std::string& caller, Duration patience,
                 TestDone done) {
    if (state_->tests.size() == kMaxTests) {
        done(std::unexpected(control::make_failure(ErrorCode::kUnavailable,
                                                   "too many tests of the alerts are under way",
                                                   "wait for them to end")));
        return;
    }
    State& state = *state_;
    state.tests.push_back({.vm = vm.id,
                           .deadline = loop::Loop::now() + patience,
                           .done = std::move(done),
                           .event = {},
                           .timer = 0});
    const auto test = std::prev(state.tests.end());
    state.events.record(control::EventId::kAlertTest, vm, {{"caller", caller}});
    test->timer = state.loop.add_timer(loop::Loop::now() + State::kLookEvery,
                                       [&state, test] { state.look(test); });
}

}  // namespace hvis::manager
