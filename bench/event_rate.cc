// How many events a second hvisd's log takes in, from one worker, with all that belongs to it:
// batches, cursors, commits, subscribers.
//
// usage: event_rate FOLDER EVENTS
//
// Makes a database in FOLDER, takes EVENTS events in as fast as it can and prints "events_per_s=…
// bytes_per_event=… trim_ms_per_1000=… query_ms=…": the rate, the size of the file by then, how
// long one step of the retention takes, and how long the query of the newest 1,000 of concern
// takes.
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "manager/events/event_log.h"

namespace hvis::manager {
namespace {

constexpr Guid kVm = "11111111-2222-3333-4444-555555555555"_guid;
constexpr Guid kRun = "aaaaaaaa-2222-3333-4444-555555555555"_guid;

[[noreturn]] void die(const std::string& text) {
    std::cerr << "event_rate: " << text << '\n';
    std::exit(1);
}

template <class T>
T must(Result<T, Failure> result) {
    if (!result) {
        die(result.error().message);
    }
    return *std::move(result);
}

double seconds_since(TimePoint begin) {
    return std::chrono::duration<double>(loop::Loop::now() - begin).count();
}

control::Json pushed(uint64_t number) {
    return {{"sequence", number},
            {"time", "2026-03-01T12:00:00.250Z"},
            {"id", 3001},
            {"name", "heartbeat_lost"},
            {"severity", number % 100 == 0 ? "error" : "info"},
            {"service", "heartbeat"},
            {"text", "the guest has stopped answering: 2 of the last 3 beats were missed"},
            {"fields", {{"missed", "2"}, {"window", "3"}}}};
}

int run(const std::string& folder, uint64_t events) {
    set_log_level(LogLevel::kError);
    const std::string path = folder + "/event_rate.db";
    const auto store = must(Store::open(path));
    VmDefinition definition;
    definition.id = kVm;
    definition.name = "web";
    if (const auto saved = store->save_definition(definition); !saved) {
        die(saved.error().message);
    }
    auto loop = loop::Loop::create();
    if (!loop) {
        die("no loop");
    }
    EventLog log(**loop, *store, {.count = 1'000'000'000});
    uint64_t told = 0;
    log.subscribe([&told](const StoredEvent&) { ++told; });

    TimePoint begin = loop::Loop::now();
    for (uint64_t number = 1; number <= events;) {
        if (log.take({.id = kVm, .name = "web"}, kRun, pushed(number))) {
            ++number;
        }
        if (log.waiting() >= EventLog::kMaxBatch) {
            (*loop)->run_once(Duration::zero());
        }
    }
    while (told < events) {
        (*loop)->run_once(EventLog::kBatchTime);
    }
    std::cout << "events_per_s=" << static_cast<double>(events) / seconds_since(begin);
    std::cout << " bytes_per_event="
              << static_cast<double>(std::filesystem::file_size(path)) /
                     static_cast<double>(events);

    begin = loop::Loop::now();
    EventFilter filter;
    filter.at_least = control::Severity::kError;
    filter.newest = true;
    must(log.query(filter));
    std::cout << " query_ms=" << seconds_since(begin) * 1000;
    begin = loop::Loop::now();
    must(store->trim_events(0, {}, EventLog::kTrimStep));
    std::cout << " trim_ms_per_1000=" << seconds_since(begin) * 1000 << '\n';
    return 0;
}

}  // namespace
}  // namespace hvis::manager

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: event_rate FOLDER EVENTS\n";
        return 2;
    }
    return hvis::manager::run(argv[1], std::strtoull(argv[2], nullptr, 10));
}
