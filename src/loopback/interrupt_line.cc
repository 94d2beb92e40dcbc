#include "loopback/interrupt_line.h"

#include <cstdint>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace hvis::loopback {

Result<InterruptLine> InterruptLine::create() {
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) {
        return fail_errno("eventfd");
    }
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) {
        return fail_errno("epoll_create1");
    }
    epoll_event watch{.events = EPOLLIN | EPOLLET, .data = {.u64 = 0}};
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, event.get(), &watch) != 0) {
        return fail_errno("epoll_ctl");
    }
    return InterruptLine(std::move(event), std::move(epoll));
}

void InterruptLine::raise() const {
    const uint64_t one = 1;
    // Nobody reads the counter: it would be full after 2^64 interrupts.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof(one));
}

void acknowledge_interrupt(int guest_fd) {
    epoll_event event{};
    [[maybe_unused]] const int count = ::epoll_wait(guest_fd, &event, 1, 0);
}

}  // namespace hvis::loopback
