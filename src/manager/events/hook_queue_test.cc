#include "manager/events/hook_queue.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "manager/events/test_log.h"

namespace hvis::manager {
namespace {

using testing::ElementsAre;

/// A receiver whose answers the test chooses.
class FakeDeliverer : public Deliverer {
public:
    struct Seen {
        std::vector<uint64_t> events;
        Attempt::Outcome outcome = Attempt::Outcome::kTaken;
        bool silent = false;  ///< never answers
    };
    FakeDeliverer(loop::Loop& loop, Seen& seen) : loop_(loop), seen_(seen) {}
    ~FakeDeliverer() override { loop_.cancel_timer(timer_); }

    void deliver(const StoredEvent& event, std::function<void(Attempt)> done) override {
        seen_.events.push_back(event.sequence);
        if (!seen_.silent) {
            timer_ = loop_.add_timer(loop::Loop::now(), [this, done = std::move(done)] {
                const bool taken = seen_.outcome == Attempt::Outcome::kTaken;
                done({.outcome = seen_.outcome,
                      .problem = taken ? "" : "no",
                      .took = std::chrono::milliseconds(3)});
            });
        }
    }

private:
    loop::Loop& loop_;
    Seen& seen_;
    loop::Loop::TimerId timer_ = 0;
};

class HookQueueTest : public LogTest {
protected:
    HookQueueTest() {
        filter.at_least = control::Severity::kError;
        begin_queue();
    }
    ~HookQueueTest() override { queue.reset(); }

    void begin_queue() {
        queue = std::make_unique<HookQueue>("pager", filter,
                                            std::make_unique<FakeDeliverer>(*loop, seen), *loop,
                                            *store, *log, report_every);
        must(queue->begin());
        log->subscribe([this](const StoredEvent&) {
            if (queue) {
                queue->poke();
            }
        });
    }
    void restart() {
        queue.reset();
        begin_again();
        begin_queue();
    }
    StoredEvent event(uint64_t sequence) {
        EventFilter one;
        one.since = sequence;
        one.limit = 1;
        return must(log->query(one)).events.at(0);
    }
    bool seen_all(size_t count) {
        return run_until([&] { return seen.events.size() == count; });
    }

    long count(const std::string& name) {
        const auto names = kept_names();
        return std::ranges::count(names, name);
    }

    HookFilter filter;
    Duration report_every = HookQueue::kReportEvery;
    FakeDeliverer::Seen seen;
    std::unique_ptr<HookQueue> queue;
};

TEST_F(HookQueueTest, HandsOverWhatTheFilterWantsInOrder) {
    for (uint64_t number = 1; number <= 400; ++number) {
        ASSERT_TRUE(take(number, number % 2 == 0 ? "error" : "info"));
    }
    ASSERT_TRUE(seen_all(200));
    EXPECT_TRUE(std::ranges::is_sorted(seen.events));
    EXPECT_EQ(seen.events.front(), 2U);
    EXPECT_EQ(seen.events.back(), 400U);
    EXPECT_EQ(queue->delivery_of(event(1)).state, Delivery::State::kFiltered);
    ASSERT_TRUE(run_until([&] { return queue->position() == 401; }));
    const Delivery delivery = queue->delivery_of(event(400));
    EXPECT_EQ(delivery.state, Delivery::State::kTaken);
    EXPECT_EQ(delivery.hook, "pager");
    EXPECT_EQ(delivery.attempts, 1U);
    EXPECT_EQ(delivery.took, std::chrono::milliseconds(3));
}

TEST_F(HookQueueTest, GoesThroughABacklogInBoundedSteps) {
    queue.reset();
    constexpr uint64_t kSteps = 4;
    for (uint64_t number = 1; number < kSteps * HookQueue::kBatch; ++number) {
        ASSERT_TRUE(take(number, "error"));
    }
    must(log->flush());
    must(store->save_setting("hook.pager", "1"));
    filter.vms = {"another"};
    begin_queue();
    uint64_t before = queue->position();
    EXPECT_TRUE(run_until([&] {
        EXPECT_LE(queue->position() - before, HookQueue::kBatch) << "in one turn of the loop";
        before = queue->position();
        return before > log->last();
    }));
    EXPECT_TRUE(seen.events.empty());
}

TEST_F(HookQueueTest, GoesOnWhereItWasAfterARestart) {
    ASSERT_TRUE(take(1, "error"));
    ASSERT_TRUE(seen_all(1));
    ASSERT_TRUE(run_until([&] { return queue->position() == 2; }));
    queue.reset();
    ASSERT_TRUE(take(2, "error"));
    must(log->flush());
    restart();
    ASSERT_TRUE(seen_all(2)) << "recorded while there was no hook";
    run_for(std::chrono::milliseconds(50));
    EXPECT_THAT(seen.events, ElementsAre(1, 2)) << "the first not again";
}

TEST_F(HookQueueTest, TriesAgainWhatWasUnderWayAtTheEnd) {
    seen.silent = true;
    ASSERT_TRUE(take(1, "error"));
    ASSERT_TRUE(seen_all(1));
    seen.silent = false;
    restart();
    ASSERT_TRUE(seen_all(2));
    EXPECT_THAT(seen.events, ElementsAre(1, 1)) << "at least once";
}

TEST_F(HookQueueTest, PassesOverWhatIsRefusedAndSaysSo) {
    seen.outcome = Attempt::Outcome::kRefused;
    ASSERT_TRUE(take(1, "error"));
    ASSERT_TRUE(run_until([&] { return queue->position() >= 2; }));
    const Delivery delivery = queue->delivery_of(event(1));
    EXPECT_EQ(delivery.state, Delivery::State::kFailed);
    EXPECT_EQ(delivery.problem, "no");
    seen.outcome = Attempt::Outcome::kTaken;
    ASSERT_TRUE(take(2, "error"));
    ASSERT_TRUE(run_until([&] {
        return kept_names() == std::vector<std::string>{"vm_started", "hook_failed", "vm_started",
                                                        "hook_recovered"} ||
               kept_names() == std::vector<std::string>{"vm_started", "vm_started", "hook_failed",
                                                        "hook_recovered"};
    })) << testing::PrintToString(kept_names());
}

TEST_F(HookQueueTest, SaysInTheEndThatItFailsAgainSoonAfterItHasRecovered) {
    report_every = std::chrono::milliseconds(700);
    restart();
    seen.outcome = Attempt::Outcome::kRefused;
    ASSERT_TRUE(take(1, "error"));
    ASSERT_TRUE(run_until([&] { return count("hook_failed") == 1; }));
    seen.outcome = Attempt::Outcome::kTaken;
    ASSERT_TRUE(take(2, "error"));
    ASSERT_TRUE(run_until([&] { return count("hook_recovered") == 1; }));
    // Within the time in which nothing more is said, and no other event ever comes.
    seen.outcome = Attempt::Outcome::kRefused;
    ASSERT_TRUE(take(3, "error"));
    ASSERT_TRUE(run_until([&] { return count("hook_failed") == 2; }));
    run_for(2 * report_every);
    EXPECT_EQ(count("hook_failed"), 2) << "said once";
    const auto last = kept().back();
    EXPECT_EQ(last.name, "hook_failed");
    EXPECT_EQ(last.fields.at(0), (std::pair<std::string, std::string>("hook", "pager")));
}

TEST_F(HookQueueTest, TriesAgainLaterAndLaterUntilItIsTaken) {
    seen.outcome = Attempt::Outcome::kFailed;
    ASSERT_TRUE(take(1, "error"));
    ASSERT_TRUE(take(2, "error"));
    const TimePoint begin = loop::Loop::now();
    ASSERT_TRUE(seen_all(2));
    EXPECT_GE(loop::Loop::now() - begin, HookQueue::kFirstDelay);
    EXPECT_EQ(queue->delivery_of(event(1)).state, Delivery::State::kWaiting);
    EXPECT_EQ(queue->delivery_of(event(1)).problem, "no");
    EXPECT_EQ(queue->delivery_of(event(2)).attempts, 0U);
    run_for(std::chrono::milliseconds(50));  // The second try has failed by then, too.
    seen.outcome = Attempt::Outcome::kTaken;
    ASSERT_TRUE(seen_all(4));
    EXPECT_GE(loop::Loop::now() - begin, 3 * HookQueue::kFirstDelay) << "one and two seconds";
    EXPECT_THAT(seen.events, ElementsAre(1, 1, 1, 2));
}

TEST_F(HookQueueTest, IsNotToldOfItself) {
    log->record(control::EventId::kHookMissedEvents, {{"hook", "pager"}});
    log->record(control::EventId::kHookMissedEvents, {{"hook", "other"}});
    ASSERT_TRUE(seen_all(1));
    run_for(std::chrono::milliseconds(50));
    EXPECT_THAT(seen.events, ElementsAre(2));
}

TEST_F(HookQueueTest, SaysWhatTheLogNoLongerHas) {
    seen.silent = true;
    for (uint64_t number = 1; number <= 300; ++number) {
        ASSERT_TRUE(take(number, "error"));
    }
    ASSERT_TRUE(seen_all(1));
    must(store->trim_events(10, {}, 1000));
    seen = {};
    restart();
    ASSERT_TRUE(seen_all(10));
    EXPECT_EQ(seen.events.front(), 291U);
    EXPECT_EQ(seen.events.back(), 300U);
    ASSERT_TRUE(run_until([&] { return log->last() == 301; }));
    EXPECT_EQ(event(301).fields,
              (control::EventFields{{"hook", "pager"}, {"first", "1"}, {"last", "290"}}));
}

TEST(HookFilter, LetsTheTestOfTheAlertsThrough) {
    StoredEvent event;
    event.id = 8001;
    event.severity = control::Severity::kInfo;
    event.vm = kWeb;
    event.vm_name = "web";
    HookFilter filter;
    filter.at_least = control::Severity::kCritical;
    filter.ids = {3001};
    EXPECT_TRUE(filter.matches(event));
    filter.vms = {"mail"};
    EXPECT_FALSE(filter.matches(event));
    filter.vms = {"mail", kWeb.to_string()};
    EXPECT_TRUE(filter.matches(event));
    event.id = 3001;
    EXPECT_FALSE(filter.matches(event)) << "not severe enough";
    event.severity = control::Severity::kCritical;
    EXPECT_TRUE(filter.matches(event));
    event.vm.reset();
    EXPECT_FALSE(filter.matches(event)) << "of no VM";
}

}  // namespace
}  // namespace hvis::manager
