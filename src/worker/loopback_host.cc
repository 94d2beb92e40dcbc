// hvis-loopback-host: many loopback machines in one process, each with its own control socket, as
// that many workers would have. For tests and measurements of what manages them.
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/event_log.h"
#include "control/server.h"
#include "loop/descriptor_limit.h"
#include "loop/loop.h"
#include "loopback/power_line.h"
#include "worker/loopback_machine.h"
#include "worker/vm.h"

namespace {

using namespace hvis;

struct Options {
    uint32_t count = 1;
    uint32_t first = 0;  ///< number of the first machine
    std::string directory;
    std::string guests;
    uint32_t interval_ms = 2000;
    std::string fault = "none";
    uint32_t faulty = 0;
};

constexpr uint32_t kMaxMachines = 10'000;
/// Machines started before the loop serves those that run already.
constexpr uint32_t kStartedPerTurn = 16;
/// Rest after the guests' process left too many orders unread.
constexpr auto kRetry = std::chrono::milliseconds(10);

/// Number 7 is "loopback-7" with the id 00000000-0000-4000-8000-000000000007.
std::string id_of(uint32_t number) {
    return fmt::format("00000000-0000-4000-8000-{:012x}", number);
}

/// One machine with what hvis-vm puts around it.
struct Hosted {
    worker::Config config;
    control::EventLog events;
    std::unique_ptr<worker::Vm> vm;
    std::unique_ptr<control::Server> server;  ///< last: it calls the machine
};

class Host {
public:
    Host(const Options& options, loop::Loop& loop, loopback::PowerLine line)
        : options_(options), loop_(loop), line_(std::move(line)) {}

    Result<void> start_some() {
        for (uint32_t turn = 0; turn < kStartedPerTurn && machines_.size() < options_.count;
             ++turn) {
            auto hosted = HVIS_TRY(make(static_cast<uint32_t>(machines_.size())));
            if (const auto started = hosted->vm->start(); !started) {
                if (started.error().code == Errc::kLimit) {
                    again(kRetry);
                    return {};
                }
                return std::unexpected(started.error());
            }
            machines_.push_back(std::move(hosted));
        }
        if (machines_.size() < options_.count) {
            again({});
        } else {
            std::cout << "ready " << machines_.size() << std::endl;
        }
        return {};
    }
    [[nodiscard]] const std::optional<Error>& error() const { return error_; }

private:
    Result<std::unique_ptr<Hosted>> make(uint32_t number) {
        auto hosted = std::make_unique<Hosted>();
        auto& config = hosted->config;
        const std::string id = id_of(options_.first + number);
        config.name = fmt::format("loopback-{}", options_.first + number);
        config.id = HVIS_TRY(Guid::parse(id));
        config.partition = worker::PartitionKind::kLoopback;
        config.memory = worker::kMinLoopbackMemory;
        config.heartbeat.interval = std::chrono::milliseconds(options_.interval_ms);
        if (number < options_.faulty) {
            config.loopback.fault =
                loopback::guest_fault_from(options_.fault).value_or(loopback::GuestFault::kNone);
        }
        hosted->vm = HVIS_TRY(
            worker::Vm::create(config, loop_, hosted->events, [&](worker::Machine::Events events) {
                return worker::LoopbackMachine::create(config, loop_, line_, std::move(events));
            }));
        const std::string directory = options_.directory + "/vms/" + id;
        if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
            return fail_errno("mkdir");
        }
        const auto run = HVIS_TRY(Guid::random());
        hosted->server = HVIS_TRY(control::Server::listen(
            loop_, hosted->events, directory + "/control.sock",
            {.program = "hvis-loopback-host",
             .version = HVIS_VERSION,
             .name = config.name,
             .id = config.id.to_string(),
             .run = run.to_string()},
            [vm = hosted->vm.get()](const control::Command& command, control::Responder responder) {
                vm->handle(command, std::move(responder));
            }));
        hosted->server->publish_status([vm = hosted->vm.get()] { return vm->status(); });
        hosted->vm->on_status_changed(
            [server = hosted->server.get()] { server->status_changed(); });
        hosted->vm->on_ended([this, number] { end(number); });
        return hosted;
    }

    /// As a worker does that leaves: the last status, then nothing.
    void end(uint32_t number) {
        loop_.add_timer(loop::Loop::now(), [this, number] {
            machines_[number]->server->flush_status();
            machines_[number]->server.reset();
            machines_[number]->vm.reset();
        });
    }

    void again(Duration rest) {
        loop_.add_timer(loop::Loop::now() + rest, [this] {
            if (const auto started = start_some(); !started) {
                error_ = started.error();
                loop_.stop();
            }
        });
    }

    const Options& options_;
    loop::Loop& loop_;
    loopback::PowerLine line_;
    std::vector<std::unique_ptr<Hosted>> machines_;
    std::optional<Error> error_;
};

int complain(const Error& error) {
    std::cerr << "hvis-loopback-host: " << error.what;
    if (error.os_error != 0) {
        std::cerr << ": " << std::generic_category().message(error.os_error);
    }
    std::cerr << '\n';
    return 1;
}

int run(const Options& options) {
    loop::raise_descriptor_limit();
    (void)std::signal(SIGPIPE, SIG_IGN);
    auto loop = loop::Loop::create();
    if (!loop) {
        return complain(loop.error());
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    const UniqueFd signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (const auto watched =
            (*loop)->watch(signal_fd.get(), EPOLLIN, [&loop](uint32_t) { (*loop)->stop(); });
        !watched) {
        return complain(watched.error());
    }
    if (::mkdir((options.directory + "/vms").c_str(), 0700) != 0 && errno != EEXIST) {
        return complain(Error::from_errno("mkdir"));
    }
    auto line = loopback::PowerLine::connect(options.guests);
    if (!line) {
        return complain(line.error());
    }
    Host host(options, **loop, *std::move(line));
    if (const auto started = host.start_some(); !started) {
        return complain(started.error());
    }
    (*loop)->run();
    return host.error() ? complain(*host.error()) : 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Runs many loopback machines, each with a control socket of its own.");
    app.add_option("--count", options.count, "machines")->check(CLI::Range(1U, kMaxMachines));
    app.add_option("--first", options.first, "number of the first of them")
        ->check(CLI::Range(0U, kMaxMachines));
    app.add_option("--directory", options.directory, "DIR/vms/ID/control.sock are the sockets")
        ->required();
    app.add_option("--guests", options.guests, "socket of a hvis-loopback-guest --serve")
        ->required();
    app.add_option("--interval-ms", options.interval_ms, "between two heartbeats")
        ->check(CLI::Range(100U, 3'600'000U));
    app.add_option("--fault", options.fault, "what is wrong with the first guests")
        ->check(CLI::IsMember(std::vector<std::string>(loopback::kGuestFaultWords.begin(),
                                                       loopback::kGuestFaultWords.end())));
    app.add_option("--faulty", options.faulty, "how many guests have the fault");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    hvis::set_log_level(hvis::LogLevel::kWarning);
    return run(options);
}
