#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "control/link_state.h"
#include "control/packet.h"

namespace hvis::control {
namespace {

using enum LinkEnd::Reason;

/// Packets taken from one worker before the loop looks at the others again.
constexpr int kPacketsPerRound = 16;

std::string with_error(std::string text, int error) {
    return std::move(text) + ": " + std::generic_category().message(error);
}

}  // namespace

void Link::State::connect(const std::string& path, TimePoint deadline) {
    heard_ = loop::Loop::now();
    greeting_timer_ = loop_.add_timer(deadline, [this] {
        greeting_timer_ = 0;
        end(kNoGreeting, "the worker did not greet in time");
    });
    open_socket(path);
}

void Link::State::open_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        end_soon(kNobodyThere, "the path of the socket must have 1 to 107 bytes");
        return;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) {
        end_soon(kRefused, with_error("socket", errno));
        return;
    }
    // SAFETY: the sockets API takes every address family through this one type.
    const auto* generic =
        reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
    if (::connect(socket_.get(), generic, sizeof(address)) != 0) {
        // A Unix socket connects at once or not at all; EAGAIN is a full backlog.
        const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
        end_soon(nobody ? kNobodyThere : kRefused, with_error(path, errno));
        return;
    }
    ucred credentials{};
    socklen_t length = sizeof(credentials);
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
        peer_ = credentials.pid;
    }
    const auto watched =
        loop_.watch(socket_.get(), EPOLLIN, [this](uint32_t events) { ready(events); });
    if (!watched) {
        end_soon(kRefused, with_error(std::string(watched.error().what), watched.error().os_error));
        return;
    }
    enqueue(dump_json({{"hello", {{"protocol", kProtocolVersion}, {"program", "hvisd"}}}}));
}

void Link::State::ready(uint32_t events) {
    const auto self = shared_from_this();
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if (!closed_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read_packets();
    }
}

void Link::State::read_packets() {
    Packet packet;
    for (int count = 0; count < kPacketsPerRound && !closed_; ++count) {
        const auto status = receive_packet(socket_.get(), packet);
        if (!status) {
            end(kHungUp, with_error(std::string(status.error().what), status.error().os_error));
            return;
        }
        switch (*status) {
            case ReceiveStatus::kPacket:
                heard_ = loop::Loop::now();
                packet_received(packet.text);
                break;
            case ReceiveStatus::kNothing:
                return;
            case ReceiveStatus::kClosed:
                end(kHungUp, "it closed the connection");
                return;
            case ReceiveStatus::kTooLong:
                end(kBrokeProtocol, "it sent a packet that is too long");
                return;
        }
    }
}

void Link::State::enqueue(std::string text) {
    if (closed_ || end_timer_ != 0) {
        return;
    }
    queue_.push_back(std::move(text));
    flush();
    if (queue_.size() > kMaxQueuedPackets) {
        end_soon(kDoesNotRead, "it does not read what it is sent");
    }
}

void Link::State::flush() {
    while (!queue_.empty() && !closed_) {
        const auto sent = send_packet(socket_.get(), queue_.front());
        if (!sent) {
            // What the worker said before it hung up is still to be read: that ends the link.
            queue_.clear();
            watch_writable(false);
            return;
        }
        if (!*sent) {
            watch_writable(true);
            return;
        }
        queue_.pop_front();
    }
    watch_writable(false);
}

void Link::State::watch_writable(bool on) {
    if (closed_ || on == writable_watched_) {
        return;
    }
    if (loop_.change(socket_.get(), on ? EPOLLIN | EPOLLOUT : EPOLLIN)) {
        writable_watched_ = on;
    }
}

void Link::State::end_soon(LinkEnd::Reason reason, std::string text) {
    if (end_timer_ == 0) {
        end_timer_ = loop_.add_timer(loop::Loop::now(), [this, reason, text = std::move(text)] {
            end_timer_ = 0;
            end(reason, text);
        });
    }
}

void Link::State::end(LinkEnd::Reason reason, std::string text) {
    const auto self = shared_from_this();
    // Out of the way first: a failed request's callback may look at the link, or destroy it.
    loop_.unwatch(socket_.get());
    greeted_ = false;
    while (!closed_ && !requests_.empty()) {
        finish(requests_.begin()->first, std::unexpected(link_lost(text)));
    }
    if (closed_) {
        return;
    }
    const auto ended = std::move(callbacks_.ended);
    close();
    if (ended) {
        ended({.reason = reason, .text = std::move(text)});
    }
}

void Link::State::close() {
    closed_ = true;
    loop_.cancel_timer(greeting_timer_);
    loop_.cancel_timer(end_timer_);
    for (const auto& [id, request] : requests_) {
        loop_.cancel_timer(request.timer);
    }
    queue_.clear();
    loop_.unwatch(socket_.get());
    socket_.reset();
    // Last: letting go of a callback may let go of whoever owns the link.
    const auto requests = std::exchange(requests_, {});
}

}  // namespace hvis::control
