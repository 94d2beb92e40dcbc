#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::loopback {

/// Host's end of the line by which a partition interrupts its guest process.
///
/// It is an eventfd, but the guest never gets to see that: whoever holds an eventfd can fill its
/// counter and make it blocking for all other holders, and the host's next write would hang. The
/// guest gets an epoll descriptor that watches the eventfd, edge-triggered: it can wait on it, and
/// nothing else.
class InterruptLine {
public:
    static Result<InterruptLine> create();

    /// Makes guest_fd() readable until the guest asks it what happened. Any thread; never blocks.
    void raise() const;

    /// What the guest process is given: polls readable after raise(); one epoll_wait() on it
    /// acknowledges.
    [[nodiscard]] int guest_fd() const { return epoll_.get(); }

private:
    InterruptLine(UniqueFd event, UniqueFd epoll)
        : event_(std::move(event)), epoll_(std::move(epoll)) {}

    UniqueFd event_;
    UniqueFd epoll_;
};

/// Guest's end: takes the interrupt back.
void acknowledge_interrupt(int guest_fd);

}  // namespace hvis::loopback
