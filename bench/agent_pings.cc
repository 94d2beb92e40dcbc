// What heartbeats are held against: the same number of guests, each asked as often by "guest-ping"
// of QEMU's guest agent, a line of JSON and its answer over a Unix stream socket of its own, by one
// loop on one thread. The agents are one process that answers without looking; its cost is not
// counted.
//
// usage: agent_pings GUESTS SECONDS
//
// Prints "guests=… cpu_s_per_min=… private_kib_per_guest=… answered=…". Fails if an answer is
// missing.
#include <array>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "loop/loop.h"
#include "process_cost.h"

namespace hvis {
namespace {

using loop::Loop;

constexpr std::string_view kPing = "{\"execute\":\"guest-ping\"}\n";
constexpr std::string_view kPong = "{\"return\": {}}\n";
/// As the heartbeat's default.
constexpr auto kInterval = std::chrono::seconds(2);

[[noreturn]] void die(const std::string& text) {
    std::cerr << "agent_pings: " << text << '\n';
    std::exit(1);
}

/// The host's side of one agent.
class Agent {
public:
    Agent(Loop& loop, UniqueFd socket, TimePoint first)
        : loop_(loop), socket_(std::move(socket)), due_(first) {
        if (!loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t) { answered(); })) {
            die("cannot watch a socket");
        }
        arm();
    }
    [[nodiscard]] uint64_t answers() const { return answers_; }

private:
    void arm() {
        loop_.add_timer(due_, [this] {
            due_ += kInterval;
            if (::send(socket_.get(), kPing.data(), kPing.size(), MSG_NOSIGNAL) !=
                static_cast<ssize_t>(kPing.size())) {
                die("an agent is gone");
            }
            arm();
        });
    }

    void answered() {
        std::array<char, 4096> buffer{};
        const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (count <= 0) {
            die("an agent is gone");
        }
        line_.append(buffer.data(), static_cast<size_t>(count));
        const size_t end = line_.find('\n');
        if (end == std::string::npos) {
            return;
        }
        const auto reply = nlohmann::json::parse(line_.substr(0, end), nullptr, false);
        if (!reply.is_object() || !reply.contains("return")) {
            die("an agent's answer makes no sense");
        }
        line_.erase(0, end + 1);
        ++answers_;
    }

    Loop& loop_;
    UniqueFd socket_;
    TimePoint due_;
    std::string line_;
    uint64_t answers_ = 0;
};

/// The agents' side: answers each request until the host is gone.
[[noreturn]] void be_agents(std::vector<UniqueFd> sockets) {
    const auto loop = *Loop::create();
    for (const auto& socket : sockets) {
        const int fd = socket.get();
        const auto watched = loop->watch(fd, EPOLLIN, [fd](uint32_t) {
            std::array<char, 4096> buffer{};
            if (::recv(fd, buffer.data(), buffer.size(), 0) <= 0 ||
                ::send(fd, kPong.data(), kPong.size(), MSG_NOSIGNAL) < 0) {
                std::_Exit(0);
            }
        });
        if (!watched) {
            std::_Exit(1);
        }
    }
    loop->run();
    std::_Exit(0);
}

uint64_t answers_of(const std::vector<std::unique_ptr<Agent>>& agents) {
    uint64_t sum = 0;
    for (const auto& agent : agents) {
        sum += agent->answers();
    }
    return sum;
}

void run_for(Loop& loop, Duration duration) {
    const TimePoint end = Loop::now() + duration;
    while (Loop::now() < end) {
        loop.run_once(end - Loop::now());
    }
}

void measure(size_t guests, std::chrono::seconds duration) {
    std::vector<UniqueFd> near;
    std::vector<UniqueFd> far;
    for (size_t index = 0; index < guests; ++index) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
            die("cannot make a socket");
        }
        near.emplace_back(ends[0]);
        far.emplace_back(ends[1]);
    }
    const pid_t pid = ::fork();
    if (pid == 0) {
        near.clear();
        be_agents(std::move(far));
    }
    far.clear();
    const auto before = bench::memory_now();
    const auto loop = *Loop::create();
    std::vector<std::unique_ptr<Agent>> agents;
    for (auto& socket : near) {
        // Spread over the interval, as guests that started at different moments are.
        const auto offset = kInterval * agents.size() / guests;
        agents.push_back(std::make_unique<Agent>(
            *loop, std::move(socket), Loop::now() + std::chrono::duration_cast<Duration>(offset)));
    }
    run_for(*loop, std::chrono::seconds(5));

    const uint64_t answered_before = answers_of(agents);
    const double cpu = bench::cpu_seconds();
    run_for(*loop, duration);
    const double used = bench::cpu_seconds() - cpu;
    const uint64_t answered = answers_of(agents) - answered_before;
    const auto memory = bench::memory_now();
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    std::cout << "guests=" << guests
              << " cpu_s_per_min=" << used * 60 / static_cast<double>(duration.count())
              << " private_kib_per_guest="
              << bench::grown_kib(before, memory) / static_cast<double>(guests)
              << " answered=" << answered << '\n'
              << std::flush;
    const auto expected = guests * static_cast<size_t>(duration / kInterval);
    std::_Exit(answered + guests >= expected ? 0 : 1);
}

}  // namespace
}  // namespace hvis

int main(int argc, char** argv) {
    if (argc != 3) {
        hvis::die("usage: agent_pings GUESTS SECONDS");
    }
    hvis::bench::raise_descriptor_limit();
    hvis::measure(std::strtoul(argv[1], nullptr, 10),
                  std::chrono::seconds(std::strtol(argv[2], nullptr, 10)));
}
