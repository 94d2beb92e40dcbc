#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "manager/events/hook_queue.h"

namespace hvis::manager {

/// All webhooks and programs that are told of events. Manager thread.
class Hooks {
public:
    /// Webhooks and programs together.
    static constexpr size_t kMaxHooks = 32;
    /// Tests of the alerts under way at once.
    static constexpr size_t kMaxTests = 16;

    struct Config {
        std::vector<WebhookConfig> webhooks;
        std::vector<ExecHookConfig> programs;
        bool operator==(const Config&) const = default;
    };
    /// `loop`, `store` and `events` must outlive it.
    static Result<std::unique_ptr<Hooks>, Failure> create(const Config& config, loop::Loop& loop,
                                                          Store& store, EventLog& events);
    ~Hooks();
    Hooks(const Hooks&) = delete;
    Hooks& operator=(const Hooks&) = delete;

    /// What became of the event at each hook, in the order of the configuration.
    [[nodiscard]] std::vector<Delivery> deliveries_of(const StoredEvent& event) const;

    /// How a test of the alerts went.
    struct TestResult {
        StoredEvent event;
        std::vector<Delivery> deliveries;
    };
    using TestDone = std::function<void(Result<TestResult, Failure>)>;
    /// Records the event alert_test about the VM and follows it: through the log to the journal and
    /// to every hook that takes this VM. Calls back when each has taken it or has been tried in
    /// vain, at the latest after `patience`.
    void test(const EventLog::Subject& vm, const std::string& caller, Duration patience,
              TestDone done);

private:
    struct State;
    explicit Hooks(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace hvis::manager
