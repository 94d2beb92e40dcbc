#include "manager/supervisor/bus.h"

#include <chrono>
#include <system_error>
#include <utility>

#include <systemd/sd-bus.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

using control::Failure;

std::unexpected<Failure> bus_failure(const char* what, int error) {
    return std::unexpected(control::make_failure(
        control::ErrorCode::kFailed,
        std::string(what) + ": " + std::generic_category().message(-error),
        "check that systemd and its D-Bus run, or set launcher = \"child\" in hvisd.toml"));
}

}  // namespace

std::string Bus::user_socket() { return "/run/user/" + std::to_string(::geteuid()) + "/bus"; }

Result<std::unique_ptr<Bus>, Failure> Bus::open(loop::Loop& loop, Scope scope) {
    if (scope == Scope::kUser) {
        return open(loop, "unix:path=" + user_socket());
    }
    sd_bus* raw = nullptr;
    if (const int opened = ::sd_bus_open_system(&raw); opened < 0) {
        return bus_failure("no connection to the message bus", opened);
    }
    auto bus = std::unique_ptr<Bus>(new Bus(loop, raw));
    HVIS_CHECK(bus->serve());
    return bus;
}

Result<std::unique_ptr<Bus>, Failure> Bus::open(loop::Loop& loop, const std::string& address) {
    sd_bus* raw = nullptr;
    if (const int made = ::sd_bus_new(&raw); made < 0) {
        return bus_failure("sd_bus_new", made);
    }
    auto bus = std::unique_ptr<Bus>(new Bus(loop, raw));
    int done = ::sd_bus_set_address(raw, address.c_str());
    if (done >= 0) {
        done = ::sd_bus_set_bus_client(raw, 1);
    }
    if (done >= 0) {
        done = ::sd_bus_start(raw);
    }
    if (done < 0) {
        return bus_failure("no connection to the message bus", done);
    }
    HVIS_CHECK(bus->serve());
    return bus;
}

Bus::~Bus() {
    loop_.cancel_timer(timer_);
    loop_.unwatch(watched_);
    ::sd_bus_flush_close_unref(bus_);
}

Result<void, Failure> Bus::serve() {
    watched_ = ::sd_bus_get_fd(bus_);
    const auto watched = loop_.watch(watched_, 0, [this](uint32_t) { process(); });
    if (!watched) {
        return bus_failure("epoll_ctl", -watched.error().os_error);
    }
    // What came with the handshake may wait in the library, where no poll sees it.
    timer_ = loop_.add_timer(loop::Loop::now(), [this] {
        timer_ = 0;
        process();
    });
    return {};
}

void Bus::process() {
    int more = 1;
    while (more > 0) {
        more = ::sd_bus_process(bus_, nullptr);
    }
    if (more < 0) {
        loop_.unwatch(std::exchange(watched_, -1));
        if (const Gone gone = std::exchange(gone_, nullptr); gone) {
            gone(bus_failure("the message bus is gone", more).error());
        }
        return;
    }
    update();
}

void Bus::update() {
    const int events = ::sd_bus_get_events(bus_);
    if (watched_ < 0 || events < 0) {
        return;
    }
    // poll(2) and epoll(7) have the same bits.
    (void)loop_.change(watched_, static_cast<uint32_t>(events));
    uint64_t deadline_us = UINT64_MAX;
    loop_.cancel_timer(std::exchange(timer_, 0));
    if (::sd_bus_get_timeout(bus_, &deadline_us) >= 0 && deadline_us != UINT64_MAX) {
        // CLOCK_MONOTONIC, as the steady clock is.
        const TimePoint deadline{std::chrono::microseconds(deadline_us)};
        timer_ = loop_.add_timer(deadline, [this] {
            timer_ = 0;
            process();
        });
    }
}

}  // namespace hvis::manager
