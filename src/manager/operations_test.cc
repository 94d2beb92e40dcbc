#include "manager/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "manager/store/store.h"
#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Guid kWeb = "11111111-2222-3333-4444-555555555555"_guid;

class OperationsTest : public testing::Test {
protected:
    std::shared_ptr<Operations::Work> begin(const std::string& kind = "vm.stop") {
        return must(
            operations->begin(kind, {.name = "uid 0", .role = Role::kOperator}, kWeb, "web"));
    }
    /// As many as this role gets.
    std::vector<std::shared_ptr<Operations::Work>> begin_all(Role role) {
        std::vector<std::shared_ptr<Operations::Work>> works;
        while (auto work = operations->begin("vm.wait", {.name = "x", .role = role}, {}, {})) {
            works.push_back(*std::move(work));
        }
        return works;
    }
    void run_a_moment() {
        const TimePoint end = loop::Loop::now() + 3 * Operations::kProgressEvery;
        while (loop::Loop::now() < end) {
            loop->run_once(end - loop::Loop::now());
        }
    }
    void open_again() {
        operations.reset();
        store.reset();
        store = must(Store::open(folder.file()));
        operations = must(Operations::create(*store, *loop));
    }

    TestFolder folder;
    std::unique_ptr<loop::Loop> loop = std::move(*loop::Loop::create());
    std::unique_ptr<Store> store = must(Store::open(folder.file()));
    std::unique_ptr<Operations> operations = must(Operations::create(*store, *loop));
};

TEST_F(OperationsTest, EndOnceAndAreKept) {
    const auto work = begin();
    const Guid id = work->id();
    EXPECT_EQ(operations->find(id)->state, OperationState::kRunning);
    work->done(std::make_shared<const control::Json>(control::Json{{"forced", true}}));
    work->failed(control::make_failure(control::ErrorCode::kFailed, "too late"));
    open_again();
    const Operation* operation = operations->find(id);
    ASSERT_NE(operation, nullptr);
    EXPECT_EQ(operation->state, OperationState::kSucceeded);
    EXPECT_EQ(operation->progress, 1.0);
    EXPECT_EQ(operation->caller, "uid 0");
    EXPECT_EQ(operation->vm_name, "web");
    EXPECT_TRUE(operation->result->at("forced"));
    EXPECT_FALSE(operation->error);
}

TEST_F(OperationsTest, HaveFailedWhenTheirWorkIsDropped) {
    auto work = begin();
    const Guid id = work->id();
    work.reset();
    EXPECT_EQ(operations->find(id)->state, OperationState::kFailed);
    EXPECT_THAT(operations->find(id)->error->message, HasSubstr("given up"));
}

TEST_F(OperationsTest, OfAnEarlierLifeHaveFailedAndSaySo) {
    const auto work = begin();
    open_again();
    const Operation* operation = operations->find(work->id());
    ASSERT_NE(operation, nullptr);
    EXPECT_EQ(operation->state, OperationState::kFailed);
    EXPECT_THAT(operation->error->message, HasSubstr("hvisd ended"));
    work->done();
    EXPECT_EQ(operations->find(work->id())->state, OperationState::kFailed);
}

TEST_F(OperationsTest, TellProgressNowAndThenAndTheEndAtOnce) {
    const auto work = begin();
    std::vector<std::string> steps;
    std::vector<OperationState> states;
    must(operations->watch(work->id(), [&](const Operation& operation) {
        steps.push_back(operation.step);
        states.push_back(operation.state);
    }));
    for (int percent = 0; percent < 100; ++percent) {
        work->progress(percent / 100.0, "step " + std::to_string(percent));
    }
    run_a_moment();
    EXPECT_THAT(steps, ElementsAre("step 99"));
    work->progress(7.0, "beyond");
    EXPECT_EQ(operations->find(work->id())->progress, 1.0);
    work->failed(control::make_failure(control::ErrorCode::kTimedOut, "it hangs"));
    EXPECT_THAT(states, ElementsAre(OperationState::kRunning, OperationState::kFailed));
    run_a_moment();
    EXPECT_EQ(states.size(), 2U);
    EXPECT_FALSE(operations->watch(kWeb, [](const Operation&) {}));
}

TEST_F(OperationsTest, AreCancelledOnlyWhereThatIsPossible) {
    const auto work = begin();
    EXPECT_THAT(operations->cancel(work->id()).error().message, HasSubstr("cannot be cancelled"));
    work->on_cancel([&] { work->cancelled(); });
    must(operations->cancel(work->id()));
    EXPECT_EQ(operations->find(work->id())->state, OperationState::kCancelled);
    EXPECT_THAT(operations->cancel(work->id()).error().message,
                HasSubstr("has ended: it was cancelled"));
    EXPECT_EQ(operations->cancel(kWeb).error().code, control::ErrorCode::kNotFound);
}

TEST_F(OperationsTest, MayBeUnwatchedFromWithin) {
    const auto work = begin();
    Operations::WatchId second = 0;
    int calls = 0;
    must(operations->watch(work->id(), [&](const Operation&) { operations->unwatch(second); }));
    second = must(operations->watch(work->id(), [&](const Operation&) { ++calls; }));
    work->done();
    EXPECT_EQ(calls, 0);
}

TEST_F(OperationsTest, AreRefusedWhenTooManyRun) {
    auto works = begin_all(Role::kAdministrator);
    EXPECT_EQ(works.size(), Operations::kMaxRunning);
    for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdministrator}) {
        const auto refused = operations->begin("vm.stop", {.name = "x", .role = role}, {}, {});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, control::ErrorCode::kUnavailable);
        EXPECT_THAT(refused.error().message, HasSubstr("1024 operations"));
    }
    works.pop_back();
    EXPECT_NE(begin(), nullptr);
}

TEST_F(OperationsTest, OfViewersLeaveRoomForThoseWhoMayDoMore) {
    auto waits = begin_all(Role::kViewer);
    EXPECT_EQ(waits.size(), Operations::kMaxOfViewers);
    const auto stops = begin_all(Role::kOperator);
    EXPECT_EQ(waits.size() + stops.size(), Operations::kMaxOfOperators);
    const auto refused = operations->begin("vm.wait", {.name = "x"}, {}, {});
    EXPECT_THAT(refused.error().message,
                HasSubstr("256 operations of callers up to the role viewer"));
    EXPECT_EQ(begin_all(Role::kAdministrator).size(),
              Operations::kMaxRunning - Operations::kMaxOfOperators);
    waits.pop_back();
    EXPECT_EQ(begin_all(Role::kViewer).size(), 1U) << "a viewer's place is free again";
}

TEST_F(OperationsTest, ForgetTheOldestThatHaveEnded) {
    const auto running = begin("vm.export");
    const Guid first = begin()->id();
    for (size_t count = 0; count < Operations::kMaxFinished; ++count) {
        begin()->done();
    }
    EXPECT_EQ(operations->find(first), nullptr);
    EXPECT_NE(operations->find(running->id()), nullptr) << "it still runs";
    const auto list = operations->list();
    EXPECT_EQ(list.size(), Operations::kMaxFinished + 1);
    EXPECT_EQ(list.back()->kind, "vm.export") << "the newest first";
    EXPECT_EQ(must(store->load_operations()).size(), Operations::kMaxFinished + 1);
    EXPECT_TRUE(operations->list(Guid{}).empty());
}

}  // namespace
}  // namespace hvis::manager
