#include "cli/http/patience.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <limits>

#include <poll.h>

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::Failure;
using control::make_failure;

/// For poll(2): rounded up, so that a wait never spins through the last millisecond.
int milliseconds_left(const Patience& patience) {
    if (!patience.deadline) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        *patience.deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace

Failure interrupted() {
    Failure failure = make_failure(ErrorCode::kFailed, "interrupted");
    failure.outcome = kInterrupted;
    return failure;
}

Result<void, Failure> wait_for(int fd, short events, const Patience& patience) {
    std::array<pollfd, 2> polled = {{{.fd = fd, .events = events, .revents = 0},
                                     {.fd = patience.interrupt, .events = POLLIN, .revents = 0}}};
    while (true) {
        const int ready = ::poll(polled.data(), polled.size(), milliseconds_left(patience));
        if (ready < 0 && errno != EINTR) {
            return std::unexpected(make_failure(ErrorCode::kFailed, "poll failed"));
        }
        if (ready == 0) {
            return std::unexpected(
                make_failure(ErrorCode::kTimedOut, "hvisd did not answer in time",
                             "see whether it is overloaded or stuck: journalctl -u hvisd"));
        }
        if (ready > 0 && polled[1].revents != 0) {
            return std::unexpected(interrupted());
        }
        if (ready > 0) {
            return {};
        }
    }
}

}  // namespace hvis::cli
