#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/guid.h"
#include "base/log.h"
#include "control/event_log.h"
#include "control/events.h"
#include "control/server.h"
#include "loop/loop.h"
#include "worker/client/command_line.h"
#include "worker/client/run_client.h"
#include "worker/config_file.h"
#include "worker/ending.h"
#include "worker/last_words.h"
#include "worker/machine_maker.h"
#include "worker/probe_report.h"
#include "worker/sandbox.h"
#include "worker/stop_policy.h"
#include "worker/vm.h"

namespace {

using namespace hvis;

void print(FILE* stream, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fflush(stream);
}

/// Says why the machine cannot run.
worker::Ending complain(std::string_view what, const Error& error) {
    std::string reason = fmt::format("{}: {}", what, error.what);
    if (error.os_error != 0) {
        reason += fmt::format(": {}", std::generic_category().message(error.os_error));
    }
    print(stderr, fmt::format("hvis-vm: {}\n", reason));
    return {.state = worker::Ending::State::kFailed,
            .reason = std::move(reason),
            .exit_status = worker::kExitBroken};
}

/// SIGTERM and SIGINT as a descriptor of the loop; SIGPIPE is of no interest.
Result<UniqueFd> take_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error like a full disk
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
        return fail_errno("sigprocmask");
    }
    UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) {
        return fail_errno("signalfd");
    }
    return fd;
}

/// Runs the machine until it stops for good.
worker::Ending run_machine(const worker::Config& config, const Guid& run,
                           control::EventLog& events) {
    // One heap for all threads: a heap of its own for each costs memory, and the C library looks
    // into /proc and counts processors for them at moments when the filters forbid it.
    ::mallopt(M_ARENA_MAX, 1);
    auto loop = loop::Loop::create();
    if (!loop) {
        return complain("cannot start", loop.error());
    }
    auto signals = take_signals();
    if (!signals) {
        return complain("cannot start", signals.error());
    }
    const auto make_machine = worker::machine_maker(config, **loop);
    if (!make_machine) {
        return complain(config.name, make_machine.error());
    }
    auto vm = worker::Vm::create(config, **loop, events, *make_machine);
    if (!vm) {
        return complain(config.name, vm.error());
    }
    (*vm)->on_ended([&loop] { (*loop)->stop(); });
    std::unique_ptr<control::Server> server;
    if (!config.control.empty()) {
        auto listening = control::Server::listen(
            **loop, events, config.control,
            {.program = "hvis-vm",
             .version = HVIS_VERSION,
             .name = config.name,
             .id = config.id.to_string(),
             .run = run.to_string()},
            [&vm](const control::Command& command, control::Responder responder) {
                (*vm)->handle(command, std::move(responder));
            });
        if (!listening) {
            return complain(config.control, listening.error());
        }
        server = *std::move(listening);
        server->publish_status([&vm] { return (*vm)->status(); });
        (*vm)->on_status_changed([&server] { server->status_changed(); });
    }
    const auto watched = (*loop)->watch(signals->get(), EPOLLIN, [&](uint32_t) {
        signalfd_siginfo info{};
        if (::read(signals->get(), &info, sizeof(info)) == sizeof(info)) {
            (*vm)->leave();
        }
    });
    if (!watched) {
        return complain("cannot start", watched.error());
    }
    ::tzset();  // the C library reads /etc/localtime at the first time that it formats
    if (const auto confined = worker::confine_loop_thread(); !confined) {
        return complain("cannot confine itself", confined.error());
    }
    if (const auto started = (*vm)->start(); !started) {
        return complain(config.name, started.error());
    }
    (*loop)->run();
    if (server) {
        server->flush_status();
    }
    return (*vm)->ending();
}

int run_vm(const worker::Config& config) {
    const auto run = Guid::random();
    if (!run) {
        return complain("cannot start", run.error()).exit_status;
    }
    control::EventLog events;
    std::optional<worker::LastWords> last_words;
    if (!config.last_words.empty()) {
        auto opened = worker::LastWords::open(config.last_words, *run);
        if (!opened) {
            return complain(config.last_words, opened.error()).exit_status;
        }
        last_words.emplace(*std::move(opened));
    }
    if (last_words) {
        last_words->arm(events);
    }
    const worker::Ending ending = run_machine(config, *run, events);
    if (last_words) {
        if (const auto written = last_words->write(ending, events); !written) {
            (void)complain(config.last_words, written.error());
        }
    }
    return ending.exit_status;
}

/// What is wrong with its configuration, for whoever started this process and waits for its words.
void leave_words(const std::string& path, std::string reason) {
    const auto run = Guid::random();
    if (!run) {
        (void)complain(path, run.error());
        return;
    }
    const control::EventLog none;
    auto words = worker::LastWords::open(path, *run);
    const auto written = words ? words->write({.state = worker::Ending::State::kFailed,
                                               .reason = std::move(reason),
                                               .exit_status = worker::kExitRefused},
                                              none)
                               : Result<void>(std::unexpected(words.error()));
    if (!written) {
        (void)complain(path, written.error());
    }
}

int run_worker(const worker::RunOptions& options) {
    const auto config = worker::load_config(options.config_path);
    if (config) {
        return options.check_only ? 0 : run_vm(*config);
    }
    const std::string reason =
        fmt::format("{}: {}", options.config_path, config.error().error.to_string());
    print(stderr, fmt::format("hvis-vm: {}\n", reason));
    if (!options.check_only && !config.error().last_words.empty()) {
        leave_words(config.error().last_words, reason);
    }
    return worker::kExitRefused;
}

int run_probe(const worker::ProbeOptions& options) {
    const auto probe = kvm::probe();
    if (!probe) {
        return complain("this host cannot run guests", probe.error()).exit_status;
    }
    print(stdout, options.json ? worker::probe_json(*probe) : worker::probe_text(*probe));
    return worker::is_fit(*probe) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    std::string output;
    std::string errors;
    const auto parsed = worker::parse_command_line(argc, argv, output, errors);
    print(stdout, output);
    print(stderr, errors);
    if (const auto* status = std::get_if<int>(&parsed)) {
        return *status;
    }
    if (const auto* client = std::get_if<worker::ClientOptions>(&parsed)) {
        return worker::run_client(*client, worker::ClientOutput::standard());
    }
    if (std::holds_alternative<worker::EventsTableOptions>(parsed)) {
        print(stdout, control::events_page());
        return 0;
    }
    if (const auto* probe = std::get_if<worker::ProbeOptions>(&parsed)) {
        return run_probe(*probe);
    }
    return run_worker(std::get<worker::RunOptions>(parsed));
}
