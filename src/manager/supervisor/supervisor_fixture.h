#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "manager/supervisor/fake_workers.h"
#include "manager/supervisor/live_settings.h"
#include "manager/supervisor/supervisor.h"

namespace hvis::manager {

/// A supervisor over a store of its own, with workers that outlive it.
class SupervisorTest : public testing::Test {
protected:
    SupervisorTest() {
        set_log_level(LogLevel::kError);
        std::string name = testing::TempDir() + "hvis-super-XXXXXX";
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        directory = name;
        config.worker = "hvis-vm";
        config.runtime_directory = directory;
        config.state_directory = directory + "/state";
        config.timings.greet = std::chrono::seconds(5);
        config.timings.reconnect = std::chrono::milliseconds(5);
        config.timings.service_note = std::chrono::milliseconds(100);
        config.timings.pair_retry = std::chrono::milliseconds(10);
        config.timings.retry_store = std::chrono::milliseconds(20);
        config.timings.reply_slack = std::chrono::milliseconds(500);
        open();
    }
    ~SupervisorTest() override {
        close();
        std::filesystem::remove_all(directory);
    }

    void open() {
        auto opened = Store::open(directory + "/hvis.db");
        ASSERT_TRUE(opened) << opened.error().message;
        store = *std::move(opened);
        log = std::make_unique<EventLog>(*loop, *store, EventLog::Retention());
        auto made = Supervisor::create(config, *loop, *store, *log, workers.launcher());
        ASSERT_TRUE(made) << made.error().message;
        supervisor = *std::move(made);
        supervisor->begin();
    }
    /// As if hvisd was killed: nothing is said to anybody.
    void close() {
        supervisor.reset();
        log.reset();
        store.reset();
    }
    void reopen() {
        close();
        open();
    }

    VmDefinition definition(const std::string& name,
                            const control::Json& more = control::Json::object()) {
        control::Json value = {{"name", name}, {"memory", "64M"}, {"kernel", "/bin/sh"}};
        value["restart"] = {{"first_delay_ms", 10}, {"longest_delay_ms", 20}, {"attempts", 2}};
        value.merge_patch(more);
        return *parse_definition(value);
    }
    Guid define(const std::string& name, const control::Json& more = control::Json::object()) {
        const VmDefinition wanted = definition(name, more);
        const auto defined = supervisor->define(wanted);
        EXPECT_TRUE(defined) << defined.error().message;
        return wanted.id;
    }

    template <class Condition>
    bool run_until(Condition condition, Duration limit = std::chrono::seconds(20)) {
        const TimePoint end = loop::Loop::now() + limit;
        while (!condition() && loop::Loop::now() < end) {
            loop->run_once(std::chrono::milliseconds(20));
        }
        return condition();
    }
    std::string state(const Guid& vm) { return supervisor->summary(vm)->state; }
    void run_until_state(const Guid& vm, const std::string& wanted) {
        ASSERT_TRUE(run_until([&] { return state(vm) == wanted; }))
            << state(vm) << ": " << supervisor->summary(vm)->explanation;
    }
    /// What the worker has said last of a service; empty where it has said nothing yet.
    std::string primary(const Guid& vm, control::Service service) {
        const auto status = supervisor->summary(vm)->status;
        const control::Json* entry = status != nullptr ? service_in(*status, service) : nullptr;
        return entry != nullptr ? entry->value("primary", "") : "";
    }
    /// The outcome of something that calls back with a Result<void>.
    Result<void, Failure> outcome(const std::function<void(Supervisor::Done)>& work) {
        auto answer = std::make_shared<std::optional<Result<void, Failure>>>();
        work([answer](Result<void, Failure> result) { *answer = std::move(result); });
        EXPECT_TRUE(run_until([&] { return answer->has_value(); }));
        return answer->has_value() ? **answer : Result<void, Failure>();
    }
    Result<void, Failure> start(const Guid& vm) {
        return outcome([&](auto done) { supervisor->start(vm, done); });
    }
    Result<void, Failure> power_off(const Guid& vm) {
        return outcome([&](auto done) { supervisor->power_off(vm, done); });
    }
    Result<void, Failure> shut_down(const Guid& vm,
                                    control::Milliseconds timeout = std::chrono::seconds(5)) {
        return outcome([&](auto done) {
            supervisor->shut_down(vm, control::ShutdownCommand{.message = {}, .timeout = timeout},
                                  done);
        });
    }
    Result<std::shared_ptr<const control::Json>, Failure> ask(const Guid& vm,
                                                              const control::Command& command) {
        std::optional<Result<std::shared_ptr<const control::Json>, Failure>> answer;
        supervisor->request(vm, control::encode_command(command),
                            [&](auto reply) { answer = std::move(reply); });
        EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
        return *std::move(answer);
    }
    std::vector<StoredEvent> stored() {
        EXPECT_TRUE(log->flush());
        EventFilter all;
        all.limit = EventFilter::kMaxLimit;
        return log->query(all)->events;
    }
    std::vector<std::string> names() {
        std::vector<std::string> all;
        for (const StoredEvent& event : stored()) {
            all.push_back(event.name);
        }
        return all;
    }
    long count(const std::string& name) {
        const auto all = names();
        return std::ranges::count(all, name);
    }
    bool wanted(const Guid& vm) {
        const auto records = store->load_vms();
        EXPECT_TRUE(records);
        for (const VmRecord& record : *records) {
            if (record.definition.id == vm) {
                return record.wanted_running;
            }
        }
        return false;
    }

    std::string directory;
    SupervisorConfig config;
    std::unique_ptr<loop::Loop> loop = *loop::Loop::create();
    FakeWorkers workers{*loop};
    std::unique_ptr<Store> store;
    std::unique_ptr<EventLog> log;
    std::unique_ptr<Supervisor> supervisor;
};

}  // namespace hvis::manager
