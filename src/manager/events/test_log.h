#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/events.h"
#include "manager/events/event_log.h"
#include "manager/store/test_file.h"

namespace hvis::manager {

inline constexpr Guid kWeb = "11111111-2222-3333-4444-555555555555"_guid;
inline constexpr Guid kRun = "aaaaaaaa-2222-3333-4444-555555555555"_guid;

/// A loop, a store in a folder of its own, and an event log that can be ended and begun again.
class LogTest : public testing::Test {
protected:
    LogTest() {
        set_log_level(LogLevel::kError);
        define(kWeb, "web");
        begin();
    }
    ~LogTest() override { set_log_level(before_); }

    void define(const Guid& id, const std::string& name) {
        VmDefinition definition;
        definition.id = id;
        definition.name = name;
        definition.partition = PartitionKind::kLoopback;
        definition.memory = uint64_t{64} << 20U;
        must(store->save_definition(definition));
    }
    void begin() { log = std::make_unique<EventLog>(*loop, *store, retention); }
    void end() {
        log.reset();
        store.reset();
    }
    void begin_again() {
        end();
        store = must(Store::open(folder.file()));
        begin();
    }

    /// Runs the loop until `done` says so; false when that takes far too long.
    bool run_until(const std::function<bool()>& done) {
        const TimePoint give_up = loop::Loop::now() + std::chrono::seconds(60);
        while (!done() && loop::Loop::now() < give_up) {
            loop->run_once(std::chrono::milliseconds(10));
        }
        return done();
    }
    void run_for(Duration time) {
        const TimePoint end = loop::Loop::now() + time;
        while (loop::Loop::now() < end) {
            loop->run_once(end - loop::Loop::now());
        }
    }

    /// Event `number` of a worker's life, as the worker pushes it.
    static control::Json pushed(uint64_t number, const std::string& severity = "info") {
        return {{"sequence", number},
                {"time", "2026-03-01T12:00:00.250Z"},
                {"id", 1001},
                {"name", "vm_started"},
                {"severity", severity},
                {"service", "machine"},
                {"text", "event " + std::to_string(number)},
                {"fields", {{"number", std::to_string(number)}}}};
    }
    bool take(uint64_t number, const std::string& severity = "info") {
        return log->take({.id = kWeb, .name = "web"}, kRun, pushed(number, severity));
    }
    std::vector<StoredEvent> kept() {
        EventFilter filter;
        filter.limit = EventFilter::kMaxLimit;
        return must(log->query(filter)).events;
    }
    std::vector<std::string> kept_names() {
        std::vector<std::string> names;
        for (const StoredEvent& event : kept()) {
            names.push_back(event.name);
        }
        return names;
    }

    TestFolder folder;
    EventLog::Retention retention;
    std::unique_ptr<loop::Loop> loop = std::move(*loop::Loop::create());
    std::unique_ptr<Store> store = must(Store::open(folder.file()));
    std::unique_ptr<EventLog> log;

private:
    LogLevel before_ = log_level();
};

}  // namespace hvis::manager
