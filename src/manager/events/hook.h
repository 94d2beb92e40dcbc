#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "control/events.h"
#include "manager/events/stored_event.h"

namespace hvis::manager {

/// Which events a hook is told of. The test of the alerts goes to all that take its VM.
struct HookFilter {
    control::Severity at_least = control::Severity::kWarning;
    std::vector<uint16_t> ids;     ///< empty: any
    std::vector<std::string> vms;  ///< names or ids; empty: any, and events of no VM
    bool operator==(const HookFilter&) const = default;

    [[nodiscard]] bool matches(const StoredEvent& event) const;
};

/// An HTTP receiver; docs/hvisd.md says what it gets.
struct WebhookConfig {
    std::string name;
    std::string url;      ///< http:// or https://
    std::string key;      ///< of the signature, raw bytes
    std::string ca_file;  ///< PEM; empty: the system's authorities
    std::chrono::milliseconds timeout{10'000};
    HookFilter filter;
    bool operator==(const WebhookConfig&) const = default;
};

/// A program that is run for each event.
struct ExecHookConfig {
    std::string name;
    std::vector<std::string> command;  ///< absolute path and arguments
    std::chrono::milliseconds timeout{30'000};
    HookFilter filter;
    bool operator==(const ExecHookConfig&) const = default;
};

/// How one attempt to hand an event over ended.
struct Attempt {
    enum class Outcome : uint8_t {
        kTaken,
        kRefused,  ///< and would be again
        kFailed,   ///< worth another try
    };
    Outcome outcome = Outcome::kTaken;
    std::string problem;  ///< one line; empty when taken
    std::chrono::milliseconds took{0};
};

/// Hands one event at a time over. Manager thread; destroying it abandons what is under way.
class Deliverer {
public:
    Deliverer() = default;
    Deliverer(const Deliverer&) = delete;
    Deliverer& operator=(const Deliverer&) = delete;
    virtual ~Deliverer() = default;
    /// `done` is called later, on the manager thread, never from within.
    virtual void deliver(const StoredEvent& event, std::function<void(Attempt)> done) = 0;
};

/// What became of one event at one hook.
struct Delivery {
    enum class State : uint8_t {
        kWaiting,  ///< not tried yet, or to be tried again
        kTaken,
        kFailed,    ///< passed over
        kFiltered,  ///< not for this hook
        kUnknown,   ///< too long ago
    };
    std::string hook;
    State state = State::kWaiting;
    uint32_t attempts = 0;
    std::chrono::milliseconds took{0};  ///< the last attempt
    std::string problem;                ///< of the last attempt
};

}  // namespace hvis::manager
