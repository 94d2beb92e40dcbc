// The heartbeats of many loopback guests against one host loop: what they cost the host process.
//
// usage: heartbeats GUEST-PROGRAM GUESTS SECONDS
//
// Starts GUEST-PROGRAM (hvis-loopback-guest) with that many guests, waits until every heartbeat is
// ok, measures for SECONDS and prints "guests=… cpu_s_per_min=… private_kib_per_guest=… …". Fails
// if a guest was lost.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "loopback/listener.h"
#include "loopback/loopback_vm.h"
#include "process_cost.h"

namespace hvis {
namespace {

[[noreturn]] void die(const std::string& text) {
    std::cerr << "heartbeats: " << text << '\n';
    std::exit(1);
}

/// The host: one loop, one LoopbackVm for each guest that comes.
class Host {
public:
    Host(std::string path, size_t guests) : guests_(guests) {
        auto listener = loopback::Listener::create(
            *loop_, std::move(path), [this](UniqueFd socket) { add(std::move(socket)); });
        if (!listener) {
            die(std::string(listener.error().what));
        }
        listener_ = *std::move(listener);
    }

    void run_for(Duration duration) {
        const TimePoint end = loop::Loop::now() + duration;
        while (loop::Loop::now() < end) {
            loop_->run_once(end - loop::Loop::now());
        }
    }

    [[nodiscard]] size_t alive() const {
        size_t count = 0;
        for (const auto& vm : vms_) {
            count += vm->services().heartbeat().health() == ic::GuestHealth::kAlive ? 1U : 0U;
        }
        return count;
    }

    [[nodiscard]] ic::HeartbeatHost::Counters counters() const {
        ic::HeartbeatHost::Counters sum;
        for (const auto& vm : vms_) {
            const auto& counters = vm->services().heartbeat().counters();
            sum.answered += counters.answered;
            sum.missed += counters.missed;
            sum.voided += counters.voided;
        }
        return sum;
    }

private:
    void add(UniqueFd socket) {
        loopback::LoopbackVm::Config config;
        config.partition.memory_bytes = 256 << 10;
        auto vm = loopback::LoopbackVm::create(
            config, *loop_, {.stopped = [](vm::StopReason) { die("a guest process ended"); }});
        if (!vm) {
            die(std::string(vm.error().what));
        }
        if (const auto running = (*vm)->run(std::move(socket)); !running) {
            die(std::string(running.error().what));
        }
        vms_.push_back(*std::move(vm));
        if (vms_.size() > guests_) {
            die("more guests came than were asked for");
        }
    }

    size_t guests_;
    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    std::unique_ptr<loopback::Listener> listener_;
    std::vector<std::unique_ptr<loopback::LoopbackVm>> vms_;
};

pid_t spawn_guests(const std::string& program, const std::string& guests,
                   const std::string& socket) {
    std::vector<std::string> words = {program, "--count", guests, socket};
    std::vector<char*> arguments;
    for (auto& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t pid = -1;
    if (::posix_spawn(&pid, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0) {
        die("cannot start " + program);
    }
    return pid;
}

void measure(const std::string& program, size_t guests, std::chrono::seconds duration) {
    constexpr auto kPatience = std::chrono::minutes(2);
    const std::string path = "/tmp/hvis-heartbeats." + std::to_string(::getpid());
    Host host(path, guests);
    const bench::Memory before = bench::memory_now();
    const pid_t pid = spawn_guests(program, std::to_string(guests), path);
    const TimePoint deadline = loop::Loop::now() + kPatience;
    while (host.alive() < guests && loop::Loop::now() < deadline) {
        host.run_for(std::chrono::milliseconds(100));
    }
    if (host.alive() < guests) {
        ::kill(pid, SIGKILL);
        die("only " + std::to_string(host.alive()) + " guests came up");
    }
    host.run_for(std::chrono::seconds(5));  // time samples and status settle

    const auto counters = host.counters();
    const double cpu = bench::cpu_seconds();
    host.run_for(duration);
    const double used = bench::cpu_seconds() - cpu;
    const auto after = host.counters();
    const bench::Memory memory = bench::memory_now();
    const size_t alive = host.alive();
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);

    const auto per_guest = [&](double kib) { return kib / static_cast<double>(guests); };
    std::cout << "guests=" << guests
              << " cpu_s_per_min=" << used * 60 / static_cast<double>(duration.count())
              << " private_kib_per_guest=" << per_guest(bench::grown_kib(before, memory))
              << " private_kib=" << memory.own_kib
              << " ram_kib_per_guest=" << per_guest(static_cast<double>(memory.guest_ram_kib))
              << " answered=" << after.answered - counters.answered
              << " missed=" << after.missed - counters.missed
              << " voided=" << after.voided - counters.voided << '\n'
              << std::flush;
    std::_Exit(alive == guests ? 0 : 1);
}

}  // namespace
}  // namespace hvis

int main(int argc, char** argv) {
    if (argc != 4) {
        hvis::die("usage: heartbeats GUEST-PROGRAM GUESTS SECONDS");
    }
    hvis::set_log_level(hvis::LogLevel::kWarning);
    hvis::bench::raise_descriptor_limit();
    hvis::measure(argv[1], std::strtoul(argv[2], nullptr, 10),
                  std::chrono::seconds(std::strtol(argv[3], nullptr, 10)));
}
