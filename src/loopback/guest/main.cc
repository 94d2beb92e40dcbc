// hvis-loopback-guest: guests that are no virtual machines, attached to a listening host or served
// to hosts that switch them on.
#include <iostream>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>

#include "loop/descriptor_limit.h"
#include "loop/loop.h"
#include "loopback/guest/guest_server.h"
#include "loopback/guest/loopback_guest.h"
#include "loopback/listener.h"
#include "loopback/packet_socket.h"

namespace {

using namespace hvis;

struct Options {
    std::string socket;
    std::string serve_path;
    int serve_fd = -1;
    std::string name = "loopback";
    uint32_t count = 1;
    uint64_t seed = 1;
    std::string fault = "none";
};

constexpr uint32_t kMaxGuests = 10'000;

int complain(const Error& error) {
    std::cerr << "hvis-loopback-guest: " << error.what;
    if (error.os_error != 0) {
        std::cerr << ": " << std::generic_category().message(error.os_error);
    }
    std::cerr << '\n';
    return 1;
}

/// Status 0 when every guest switched off because the host asked.
int attach_all(const Options& options, loop::Loop& loop) {
    std::map<uint32_t, std::unique_ptr<loopback::LoopbackGuest>> guests;
    int status = 0;
    for (uint32_t number = 0; number < options.count; ++number) {
        auto socket = loopback::connect_to_host(options.socket);
        if (!socket) {
            return complain(socket.error());
        }
        auto guest = loopback::LoopbackGuest::create(
            *std::move(socket), loop,
            {.name = options.name + "-" + std::to_string(number),
             .fault = *loopback::guest_fault_from(options.fault),
             .seed = options.seed + number},
            [&, number](loopback::GuestEnd how) {
                status |= how == loopback::GuestEnd::kPoweredOff ? 0 : 1;
                guests.erase(number);
            });
        if (!guest) {
            return complain(guest.error());
        }
        guests.emplace(number, *std::move(guest));
    }
    while (!guests.empty()) {
        loop.run_once(std::chrono::hours(1));
    }
    return status;
}

/// Status 0 once the host has gone, where there is only one.
int serve(const Options& options, loop::Loop& loop) {
    loopback::GuestServer server(loop);
    if (options.serve_fd < 0) {
        auto listener = loopback::Listener::create(
            loop, options.serve_path, [&](UniqueFd line) { server.add_line(std::move(line)); });
        if (!listener) {
            return complain(listener.error());
        }
        loop.run();
        return 0;
    }
    server.add_line(UniqueFd(options.serve_fd));
    while (!server.idle()) {
        loop.run_once(std::chrono::hours(1));
    }
    return 0;
}

int run(const Options& options) {
    loop::raise_descriptor_limit();
    auto loop = loop::Loop::create();
    if (!loop) {
        return complain(loop.error());
    }
    const bool serves = options.serve_fd >= 0 || !options.serve_path.empty();
    return serves ? serve(options, **loop) : attach_all(options, **loop);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Runs loopback guests: attached to a host, or whenever hosts switch them on.");
    auto* how = app.add_option_group("how");
    how->add_option("socket", options.socket, "attach guests to the host that listens there");
    how->add_option("--serve", options.serve_path, "Unix socket on which hosts are awaited");
    how->add_option("--serve-fd", options.serve_fd, "socket that is connected to the one host")
        ->check(CLI::NonNegativeNumber);
    how->require_option(1);
    app.add_option("--count", options.count, "guests")->check(CLI::Range(1U, kMaxGuests));
    app.add_option("--name", options.name, "what the guests call themselves");
    app.add_option("--seed", options.seed, "of what vandals do");
    app.add_option("--fault", options.fault, "what is wrong with the guests")
        ->check(CLI::IsMember(std::vector<std::string>(loopback::kGuestFaultWords.begin(),
                                                       loopback::kGuestFaultWords.end())));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return run(options);
}
