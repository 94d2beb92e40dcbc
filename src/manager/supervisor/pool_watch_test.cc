#include "manager/supervisor/pool_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/supervisor/live_settings.h"
#include "manager/supervisor/supervisor_fixture.h"

namespace hvis::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// A watch that writes down what it is told.
class PoolWatchTest : public SupervisorTest {
protected:
    void watch(const Guid& vm) {
        pool.emplace(
            *loop, *supervisor, vm, control::Pool::kGuest,
            PoolWatch::Callbacks{
                .set = [this](auto& key, auto& value) { told.push_back(key + "=" + value); },
                .removed = [this](auto& key) { told.push_back("-" + key); },
                .ready = [this] { told.emplace_back("ready"); },
                .unavailable =
                    [this](const Failure& failure) { told.push_back("!" + failure.message); },
                .deleted =
                    [this](const Failure& failure) { told.push_back("end: " + failure.message); }});
        pool->begin();
    }
    /// The worker's answer to the watch, once it has been asked.
    control::Responder& asked(const Guid& vm) {
        EXPECT_TRUE(run_until([&] { return workers.of(vm).watch.has_value(); }));
        return *workers.of(vm).watch;
    }
    static void tell(control::Responder& worker, const std::map<std::string, std::string>& pairs) {
        worker.tell(control::WatchingNotice{.pool = control::Pool::kGuest,
                                            .pairs = static_cast<uint32_t>(pairs.size())});
        for (const auto& [key, value] : pairs) {
            change(worker, key, value);
        }
    }
    static void change(control::Responder& worker, const std::string& key,
                       std::optional<std::string> value) {
        worker.tell(control::KvpChangeNotice{
            .pool = control::Pool::kGuest, .key = key, .value = std::move(value)});
    }
    std::vector<std::string> take(size_t count) {
        EXPECT_TRUE(run_until([&] { return told.size() >= count; }));
        return std::exchange(told, {});
    }
    Guid running(const std::string& name) {
        const Guid vm = define(name);
        EXPECT_TRUE(start(vm));
        workers.of(vm).set_kvp(true);
        EXPECT_TRUE(run_until([&] {
            const auto status = supervisor->summary(vm)->status;
            const auto* kvp =
                status != nullptr ? service_in(*status, control::Service::kKvp) : nullptr;
            return kvp != nullptr && kvp->at("primary") == "ok";
        }));
        return vm;
    }

    std::vector<std::string> told;
    std::optional<PoolWatch> pool;
};

TEST_F(PoolWatchTest, TellsTheWholeAndThenWhatChanges) {
    const Guid web = running("web");
    watch(web);
    auto& worker = asked(web);
    tell(worker, {{"a", "1"}, {"b", "2"}});
    EXPECT_THAT(take(3), ElementsAre("a=1", "b=2", "ready"));
    change(worker, "a", "3");
    change(worker, "a", "3");
    change(worker, "b", std::nullopt);
    change(worker, "c", std::nullopt);
    change(worker, "c", "4");
    EXPECT_THAT(take(3), ElementsAre("a=3", "-b", "c=4"));
    pool.reset();
    EXPECT_TRUE(run_until([&] { return !worker.wanted(); })) << "the worker's watch is cancelled";
}

TEST_F(PoolWatchTest, IsReadyWhereThereIsNothingAndWherePairsVanishWhileTheyAreTold) {
    const Guid web = running("web");
    watch(web);
    tell(asked(web), {});
    EXPECT_THAT(take(1), ElementsAre("ready"));
    pool.reset();
    workers.of(web).watch.reset();
    watch(web);
    auto& worker = asked(web);
    worker.tell(control::WatchingNotice{.pool = control::Pool::kGuest, .pairs = 7});
    change(worker, "a", "1");
    EXPECT_THAT(take(2), ElementsAre("a=1", "ready"));
}

TEST_F(PoolWatchTest, OutlivesStopsAndTellsWhatDiffersAfterwards) {
    const Guid web = define("web");
    watch(web);
    EXPECT_THAT(take(1), ElementsAre(StartsWith("!the VM is not running")));
    ASSERT_TRUE(start(web));
    run_until([] { return false; }, 50ms);
    EXPECT_THAT(told, IsEmpty()) << "told already";
    workers.of(web).set_kvp(true);
    tell(asked(web), {{"a", "1"}, {"b", "2"}});
    EXPECT_THAT(take(3), ElementsAre("a=1", "b=2", "ready"));
    ASSERT_TRUE(power_off(web));
    EXPECT_EQ(take(1).size(), 1U);
    ASSERT_TRUE(start(web));
    workers.of(web).set_kvp(true);
    tell(asked(web), {{"b", "3"}, {"c", "4"}});
    EXPECT_THAT(take(4), ElementsAre("b=3", "c=4", "-a", "ready"));
    workers.of(web).kvp_explanation = "no daemon";
    workers.of(web).set_kvp(false);
    EXPECT_THAT(take(1), ElementsAre(HasSubstr("no daemon")));
    workers.of(web).watch.reset();
    workers.of(web).set_kvp(true);
    tell(asked(web), {{"b", "3"}, {"c", "4"}});
    EXPECT_THAT(take(1), ElementsAre("ready"));
}

TEST_F(PoolWatchTest, TriesAgainWhatTheWorkerRefuses) {
    const Guid web = running("web");
    watch(web);
    asked(web).failed(control::make_failure(control::ErrorCode::kFailed, "too many watches"));
    workers.of(web).watch.reset();
    auto& worker = asked(web);
    EXPECT_THAT(take(1), ElementsAre("!too many watches"));
    tell(worker, {{"a", "1"}});
    EXPECT_THAT(take(2), ElementsAre("a=1", "ready"));
}

TEST_F(PoolWatchTest, WaitsUntilTheHeldPairsAreSetInTheGuest) {
    const Guid web = define("web");
    ASSERT_TRUE(ask(web, control::KvpSetCommand{.key = "role", .value = "x"}));
    ASSERT_TRUE(start(web));
    FakeVm& vm = workers.of(web);
    vm.external.clear();
    watch(web);
    vm.set_kvp(true);
    asked(web);
    EXPECT_EQ(vm.external, (std::map<std::string, std::string>{{"role", "x"}}));
    vm.watch.reset();
    vm.set_kvp(false);
    ASSERT_TRUE(run_until([&] { return !supervisor->summary(web)->pairs_settled; }));
    vm.external = {{"role", "of another guest"}};
    vm.failing_lists = 1;
    vm.set_kvp(true);
    asked(web);
    EXPECT_EQ(vm.external.at("role"), "of another guest") << "a round that fails holds nobody up";
}

TEST_F(PoolWatchTest, EndsWithTheVm) {
    const Guid web = define("web");
    watch(web);
    EXPECT_THAT(take(1), ElementsAre(StartsWith("!the VM is not running")));
    ASSERT_TRUE(supervisor->remove(web));
    EXPECT_THAT(take(1), ElementsAre("end: the VM was deleted"));
}

}  // namespace
}  // namespace hvis::manager
