#include "loopback/guest/guest_server.h"

#include <array>
#include <utility>
#include <vector>

#include <sys/epoll.h>

#include "loopback/power_line.h"

namespace hvis::loopback {

GuestServer::~GuestServer() {
    for (const auto& [number, line] : lines_) {
        loop_.unwatch(line.fd());
    }
}

void GuestServer::add_line(UniqueFd line) {
    if (lines_.size() == kMaxLines) {
        complain("turned away a host: there are too many");
        return;
    }
    const uint64_t number = next_++;
    const int fd = line.get();
    if (const auto watched =
            loop_.watch(fd, EPOLLIN, [this, number](uint32_t) { orders_waiting(number); });
        !watched) {
        complain(watched.error().what);
        return;
    }
    lines_.emplace(number, std::move(line));
}

void GuestServer::orders_waiting(uint64_t line) {
    for (int count = 0; count < kMaxOrdersPerTurn && take_order(line); ++count) {
    }
}

bool GuestServer::take_order(uint64_t line) {
    std::array<std::byte, 256> buffer{};
    std::vector<UniqueFd> fds;
    const auto size = lines_.at(line).receive(buffer, &fds);
    if (!size) {
        drop_line(line);
        return false;
    }
    if (!*size) {
        return false;
    }
    run_guest(ByteView(buffer).first(**size), std::move(fds));
    return true;
}

void GuestServer::drop_line(uint64_t line) {
    loop_.unwatch(lines_.at(line).fd());
    lines_.erase(line);
}

/// A descriptor that no guest comes to hold is closed: its host sees that guest die.
void GuestServer::run_guest(ByteView order, std::vector<UniqueFd> fds) {
    const auto wanted = parse_power_on(order);
    if (!wanted || fds.size() != 1) {
        complain(wanted ? "an order came without its socket" : wanted.error().what);
        return;
    }
    if (guests_.size() == kMaxGuests) {
        complain("switched no guest on: there are too many");
        return;
    }
    const uint64_t number = next_++;
    auto guest =
        LoopbackGuest::create(std::move(fds.front()), loop_,
                              {.name = wanted->name, .fault = wanted->fault, .seed = wanted->seed},
                              [this, number](GuestEnd) { guests_.erase(number); });
    if (!guest) {
        complain(guest.error().what);
        return;
    }
    guests_.emplace(number, *std::move(guest));
}

void GuestServer::complain(std::string_view what) {
    if (log_limit_.allow(loop::Loop::now())) {
        log(LogLevel::kWarning, "guests", what);
    }
}

}  // namespace hvis::loopback
