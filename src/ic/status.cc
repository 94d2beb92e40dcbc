#include "ic/status.h"

namespace hvis::ic {

std::string_view to_string(Primary primary) {
    switch (primary) {
        case Primary::kOk:
            return "ok";
        case Primary::kDegraded:
            return "degraded";
        case Primary::kNonRecoverableError:
            return "non_recoverable_error";
        case Primary::kNoContact:
            return "no_contact";
        case Primary::kLostCommunication:
            return "lost_communication";
        case Primary::kPaused:
            return "paused";
        case Primary::kDisabled:
            return "disabled";
    }
    return "";
}

std::string_view to_string(Secondary secondary) {
    switch (secondary) {
        case Secondary::kOk:
            return "ok";
        case Secondary::kProtocolMismatch:
            return "protocol_mismatch";
        case Secondary::kApplicationCritical:
            return "application_critical";
        case Secondary::kCommunicationTimedOut:
            return "communication_timed_out";
        case Secondary::kCommunicationFailed:
            return "communication_failed";
    }
    return "";
}

std::string_view to_string(Applications applications) {
    switch (applications) {
        case Applications::kUnknown:
            return "unknown";
        case Applications::kHealthy:
            return "healthy";
        case Applications::kCritical:
            return "critical";
    }
    return "";
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::kDone:
            return "done";
        case Outcome::kRefused:
            return "refused";
        case Outcome::kTimedOut:
            return "timed_out";
        case Outcome::kServiceDisabled:
            return "service_disabled";
        case Outcome::kGuestNotConnected:
            return "guest_not_connected";
        case Outcome::kCancelled:
            return "cancelled";
    }
    return "";
}

}  // namespace hvis::ic
