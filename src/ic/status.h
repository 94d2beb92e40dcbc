#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "wire/ic.h"

namespace hvis::ic {

/// Major and minor of an integration-component protocol, as negotiated.
using Version = wire::IcVersion;

/// The first word about a service; the same words in the API, the command line and the events.
enum class Primary : uint8_t {
    kOk,
    kDegraded,
    kNonRecoverableError,
    kNoContact,
    kLostCommunication,
    kPaused,
    kDisabled,
};

/// The second word, why the first is what it is.
enum class Secondary : uint8_t {
    kOk,
    kProtocolMismatch,
    kApplicationCritical,
    kCommunicationTimedOut,
    kCommunicationFailed,
};

/// "ok", "no_contact", …
std::string_view to_string(Primary primary);
std::string_view to_string(Secondary secondary);

/// What the guest's heartbeat says of the applications in it.
enum class Applications : uint8_t { kUnknown, kHealthy, kCritical };
std::string_view to_string(Applications applications);

/// How a service is doing, for people and programs.
struct ServiceReport {
    Primary primary = Primary::kNoContact;
    Secondary secondary = Secondary::kOk;
    std::optional<Version> framework;  ///< negotiated, while the guest's half is connected
    std::optional<Version> message;
    std::optional<Applications> applications;  ///< the heartbeat's, while the guest answers
    WallTime since;                            ///< when `primary` last changed
    std::string explanation;  ///< one plain sentence that names the failed link and the remedy

    bool operator==(const ServiceReport&) const = default;
};

/// How a request to the guest ended; every request ends in exactly one of these.
enum class Outcome : uint8_t {
    kDone,
    kRefused,  ///< the guest answered with an error code
    kTimedOut,
    kServiceDisabled,
    kGuestNotConnected,
    kCancelled,
};
std::string_view to_string(Outcome outcome);

}  // namespace hvis::ic
