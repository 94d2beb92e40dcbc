#include "cli/following.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::cli {
namespace {

/// Pause before a stream that hvisd has ended is asked for again.
constexpr std::chrono::milliseconds kReconnectPause{1000};

/// False at Ctrl+C.
bool pause(Session& session) {
    const auto waited = wait_for(-1, 0,
                                 {.deadline = std::chrono::steady_clock::now() + kReconnectPause,
                                  .interrupt = session.api.interrupt()});
    return waited || waited.error().outcome != kInterrupted;
}

}  // namespace

Result<void, Failure> keep_following(Session& session, const std::function<Target()>& target,
                                     const Api::Take& take) {
    bool told = false;
    bool listening = true;
    const auto listen = [&](const std::string& type, const Json& data) {
        told = false;
        listening = take(type, data);
        return listening;
    };
    while (true) {
        const auto followed = session.api.follow(target(), listen);
        if (!listening || (!followed && followed.error().outcome == kInterrupted)) {
            return {};
        }
        if (!followed && followed.error().outcome != kDisconnected) {
            return followed;
        }
        if (!std::exchange(told, true)) {
            session.output.err("hvis: hvisd ended the stream; going on as soon as it is back\n");
        }
        if (!pause(session)) {
            return {};
        }
    }
}

}  // namespace hvis::cli
