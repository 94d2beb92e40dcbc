// hvis-loopback-guest: attaches guests that are no virtual machines to a listening host.
#include <iostream>
#include <map>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

#include "loop/loop.h"
#include "loopback/guest/loopback_guest.h"
#include "loopback/packet_socket.h"

namespace {

using namespace hvis;

struct Options {
    std::string socket;
    std::string name = "loopback";
    uint32_t count = 1;
    uint64_t seed = 1;
    loopback::GuestFault fault = loopback::GuestFault::kNone;
};

constexpr uint32_t kMaxGuests = 10'000;

const std::map<std::string, loopback::GuestFault> kFaults = {
    {"none", loopback::GuestFault::kNone},
    {"hung-heartbeat", loopback::GuestFault::kHungHeartbeat},
    {"dies", loopback::GuestFault::kDies},
    {"vandal", loopback::GuestFault::kVandal},
};

int complain(const Error& error) {
    std::cerr << "hvis-loopback-guest: " << error.what;
    if (error.os_error != 0) {
        std::cerr << ": " << std::generic_category().message(error.os_error);
    }
    std::cerr << '\n';
    return 1;
}

/// Each guest holds some eight descriptors.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/// Status 0 when every guest switched off because the host asked.
int run(const Options& options) {
    raise_descriptor_limit();
    auto loop = loop::Loop::create();
    if (!loop) {
        return complain(loop.error());
    }
    std::map<uint32_t, std::unique_ptr<loopback::LoopbackGuest>> guests;
    int status = 0;
    for (uint32_t number = 0; number < options.count; ++number) {
        auto socket = loopback::connect_to_host(options.socket);
        if (!socket) {
            return complain(socket.error());
        }
        auto guest = loopback::LoopbackGuest::create(
            *std::move(socket), **loop,
            {.name = options.name + "-" + std::to_string(number),
             .fault = options.fault,
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
        (*loop)->run_once(std::chrono::hours(1));
    }
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Attaches loopback guests to a host that listens at SOCKET, and runs them.");
    app.add_option("socket", options.socket, "Unix socket of the host")->required();
    app.add_option("--count", options.count, "guests")->check(CLI::Range(1U, kMaxGuests));
    app.add_option("--name", options.name, "what the guests call themselves");
    app.add_option("--seed", options.seed, "of what vandals do");
    app.add_option("--fault", options.fault, "what is wrong with the guests")
        ->transform(CLI::CheckedTransformer(kFaults));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return run(options);
}
