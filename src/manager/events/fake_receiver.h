#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/unique_fd.h"

namespace hvis::manager {

/// An HTTP receiver on a thread of its own, for tests: notes each request, gives the answer that it
/// was told to, or none.
class FakeReceiver {
public:
    FakeReceiver() {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        ::bind(listener_.get(), generic, size);
        ::listen(listener_.get(), 8);
        ::getsockname(listener_.get(), generic, &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~FakeReceiver() { stop(); }
    FakeReceiver(const FakeReceiver&) = delete;
    FakeReceiver& operator=(const FakeReceiver&) = delete;

    void stop() {
        stopping_.store(true);
        if (thread_.joinable()) {
            thread_.join();
        }
        listener_.reset();
    }
    [[nodiscard]] std::string url() const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/hook";
    }
    void answer(std::string text) {
        const std::scoped_lock lock(mutex_);
        answer_ = std::move(text);
    }
    [[nodiscard]] std::vector<std::string> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }
    [[nodiscard]] size_t connections() const { return connections_.load(); }

private:
    void run() {
        std::vector<std::thread> sessions;
        while (!stopping_.load()) {
            pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
            if (::poll(&ready, 1, 20) == 1) {
                ++connections_;
                sessions.emplace_back([this, fd = ::accept(listener_.get(), nullptr, nullptr)] {
                    serve(UniqueFd(fd));
                });
            }
        }
        for (std::thread& session : sessions) {
            session.join();
        }
    }

    /// A request is whole when its body is; all bodies of the tests end in "}".
    void serve(const UniqueFd& connection) {
        std::string request;
        while (!stopping_.load()) {
            pollfd ready{.fd = connection.get(), .events = POLLIN, .revents = 0};
            if (::poll(&ready, 1, 20) != 1) {
                continue;
            }
            std::array<char, 4096> bytes{};
            const ssize_t length = ::read(connection.get(), bytes.data(), bytes.size());
            if (length <= 0) {
                return;
            }
            request.append(bytes.data(), static_cast<size_t>(length));
            if (!request.contains("\r\n\r\n") || request.back() != '}') {
                continue;
            }
            std::string answer;
            {
                const std::scoped_lock lock(mutex_);
                requests_.push_back(std::exchange(request, {}));
                answer = answer_;
            }
            [[maybe_unused]] const ssize_t sent =
                ::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
            if (!answer.empty() && !answer.contains("Content-Length")) {
                return;
            }
        }
    }

    UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    uint16_t port_ = 0;
    mutable std::mutex mutex_;  // guards the answer and the requests
    std::string answer_;
    std::vector<std::string> requests_;
    std::atomic<size_t> connections_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace hvis::manager
