#include "control/client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace hvis::control {
namespace {

std::unexpected<Failure> failed(ErrorCode code, std::string message, std::string hint = {}) {
    return std::unexpected(make_failure(code, std::move(message), std::move(hint)));
}

std::unexpected<Failure> nobody_there(const std::string& path, int error) {
    return failed(ErrorCode::kNotFound,
                  "no machine answers at " + path + ": " + std::generic_category().message(error),
                  "check the path, and that hvis-vm is running");
}

std::unexpected<Failure> broken_protocol(const char* what) {
    return failed(ErrorCode::kFailed, std::string("the worker broke the protocol: ") + what,
                  "check that both are of the same version of hvis");
}

/// The member `name`, or nullptr.
const Json* member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

/// Appends the lists of one part of a result to those of the parts before; the rest is the same in
/// each.
void join(Json& whole, const Json& part) {
    if (!whole.is_object()) {
        whole = part;
        return;
    }
    for (const auto& [name, value] : part.items()) {
        Json& field = whole[name];
        if (field.is_array() && value.is_array()) {
            field.insert(field.end(), value.begin(), value.end());
        } else {
            field = value;
        }
    }
}

}  // namespace

Result<Client, Failure> Client::connect(const std::string& path, TimePoint deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return failed(ErrorCode::kUsage, "the path of the socket must have 1 to 107 bytes");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) {
        return nobody_there(path, errno);
    }
    // A connect to a Unix socket waits while its backlog is full, for as long as a send may.
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(std::max(
        deadline - std::chrono::steady_clock::now(), Duration(std::chrono::milliseconds(1))));
    const timeval limit{.tv_sec = left.count() / 1'000'000, .tv_usec = left.count() % 1'000'000};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    // SAFETY: the sockets API takes every address family through this one type.
    const auto* generic =
        reinterpret_cast<const sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
    if (::connect(socket.get(), generic, sizeof(address)) != 0) {
        if (errno == EAGAIN) {
            return failed(ErrorCode::kTimedOut,
                          "the machine at " + path + " accepts no connection");
        }
        return nobody_there(path, errno);
    }
    return adopt(std::move(socket), deadline);
}

Result<Client, Failure> Client::adopt(UniqueFd socket, TimePoint deadline) {
    Client client(std::move(socket));
    HVIS_CHECK(client.exchange_hello(deadline));
    return client;
}

Result<void, Failure> Client::exchange_hello(TimePoint deadline) {
    HVIS_CHECK(send(dump_json({{"hello", {{"protocol", kProtocolVersion}}}}), deadline));
    const auto message = HVIS_TRY(receive(deadline));
    const Json* hello = member(*message, "hello");
    if (hello == nullptr || !hello->is_object()) {
        return broken_protocol("its first message is not a hello");
    }
    const Json* version = member(*hello, "protocol");
    if (version == nullptr || *version != kProtocolVersion) {
        return failed(ErrorCode::kFailed,
                      "the worker speaks protocol " +
                          (version == nullptr ? std::string("?") : dump_json(*version)) +
                          ", we speak " + std::to_string(kProtocolVersion),
                      "use the hvis-vm of the same version");
    }
    hello_ = std::make_shared<const Json>(*hello);
    return {};
}

Result<std::shared_ptr<const Json>, Failure> Client::call(const Command& command,
                                                          TimePoint deadline) {
    return call(encode_command(command), deadline);
}

Result<std::shared_ptr<const Json>, Failure> Client::call(const EncodedCommand& command,
                                                          TimePoint deadline) {
    const uint64_t id = HVIS_TRY(request(command, deadline));
    Json whole;
    size_t parts = 0;
    while (true) {
        const auto message = HVIS_TRY(receive(deadline));
        if (keep_pushed(message)) {
            continue;
        }
        const Json* answered = member(*message, "id");
        const Json* error = member(*message, "error");
        // Errors with id 0 are about something that could not even be read as a request: ours.
        const bool ours =
            answered != nullptr && (*answered == id || (error != nullptr && *answered == 0));
        if (!ours) {
            continue;  // The late answer to a request that we gave up.
        }
        if (error != nullptr) {
            return std::unexpected(failure_from_json(*error));
        }
        const Json* result = member(*message, "result");
        if (result == nullptr || !result->is_object()) {
            return broken_protocol("a reply with neither result nor error");
        }
        if (++parts > kMaxResultParts) {
            return broken_protocol("a result that is too long");
        }
        join(whole, *result);
        const Json* more = member(*message, "more");
        if (more == nullptr || *more != true) {
            return std::make_shared<const Json>(std::move(whole));
        }
    }
}

Result<uint64_t, Failure> Client::request(const EncodedCommand& command, TimePoint deadline) {
    const uint64_t id = next_id_++;
    HVIS_CHECK(
        send(dump_json({{"id", id}, {"verb", command.verb}, {"args", *command.args}}), deadline));
    return id;
}

Result<uint64_t, Failure> Client::start(const Command& command, TimePoint deadline) {
    return request(encode_command(command), deadline);
}

Result<std::shared_ptr<const Json>, Failure> Client::next_notice(uint64_t id, TimePoint deadline) {
    while (true) {
        auto message = receive(deadline);
        if (!message) {
            if (message.error().code == ErrorCode::kTimedOut) {
                return nullptr;
            }
            return std::unexpected(std::move(message).error());
        }
        if (keep_pushed(*message)) {
            continue;
        }
        const Json* told_by = member(**message, "id");
        if (told_by == nullptr || *told_by != id) {
            continue;
        }
        if (const Json* error = member(**message, "error")) {
            return std::unexpected(failure_from_json(*error));
        }
        return std::move(*message);
    }
}

Result<std::shared_ptr<const Json>, Failure> Client::next_event(TimePoint deadline) {
    while (events_.empty()) {
        if (const auto received = receive_pushed(deadline); !received) {
            if (received.error().code == ErrorCode::kTimedOut) {
                return nullptr;
            }
            return std::unexpected(received.error());
        }
    }
    auto event = std::move(events_.front());
    events_.pop_front();
    return event;
}

Result<std::shared_ptr<const Json>, Failure> Client::next_status(TimePoint deadline) {
    while (status_ == nullptr) {
        if (const auto received = receive_pushed(deadline); !received) {
            if (received.error().code == ErrorCode::kTimedOut) {
                return nullptr;
            }
            return std::unexpected(received.error());
        }
    }
    return std::exchange(status_, nullptr);
}

Result<void, Failure> Client::receive_pushed(TimePoint deadline) {
    const auto message = HVIS_TRY(receive(deadline));
    (void)keep_pushed(message);  // else the late answer to a request that we gave up
    return {};
}

bool Client::keep_pushed(const std::shared_ptr<const Json>& message) {
    if (const Json* status = member(*message, "status"); status != nullptr) {
        status_ = std::make_shared<const Json>(*status);
        return true;
    }
    const Json* event = member(*message, "event");
    if (event == nullptr) {
        return false;
    }
    if (events_.size() == kMaxPendingEvents) {
        events_.pop_front();
    }
    events_.push_back(std::make_shared<const Json>(*event));
    return true;
}

Result<void, Failure> Client::wait_until(short events, TimePoint deadline) const {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        const auto limit = std::clamp<int64_t>(left.count(), 0, 60'000);
        pollfd wanted{.fd = socket_.get(), .events = events, .revents = 0};
        const int ready = ::poll(&wanted, 1, static_cast<int>(limit));
        if (ready > 0) {
            return {};
        }
        if (ready < 0 && errno != EINTR) {
            return failed(ErrorCode::kFailed,
                          std::string("poll: ") + std::generic_category().message(errno));
        }
        if (ready == 0 && left.count() <= limit) {
            return failed(ErrorCode::kTimedOut, "the worker did not answer in time",
                          "try again with a longer --timeout");
        }
    }
}

Result<void, Failure> Client::send(const std::string& text, TimePoint deadline) const {
    if (text.size() > kMaxPacketBytes) {
        return failed(ErrorCode::kUsage, "the request is too long");
    }
    while (true) {
        const auto sent = send_packet(socket_.get(), text);
        if (!sent) {
            // What the worker said before it hung up is worth more than the fact that it did.
            return sent.error().os_error == EPIPE
                       ? Result<void, Failure>()
                       : failed(ErrorCode::kFailed,
                                std::string("sendmsg: ") +
                                    std::generic_category().message(sent.error().os_error));
        }
        if (*sent) {
            return {};
        }
        HVIS_CHECK(wait_until(POLLOUT, deadline));
    }
}

Result<std::shared_ptr<const Json>, Failure> Client::receive(TimePoint deadline) {
    Packet packet;
    while (true) {
        const auto status = receive_packet(socket_.get(), packet);
        if (!status) {
            return failed(ErrorCode::kFailed,
                          std::string("recvmsg: ") +
                              std::generic_category().message(status.error().os_error));
        }
        switch (*status) {
            case ReceiveStatus::kPacket: {
                auto message = parse_json(packet.text, kMaxPacketBytes);
                if (!message || !(*message)->is_object()) {
                    return broken_protocol("a packet that is not a JSON object");
                }
                return std::move(*message);
            }
            case ReceiveStatus::kNothing:
                HVIS_CHECK(wait_until(POLLIN, deadline));
                break;
            case ReceiveStatus::kClosed: {
                Failure failure = make_failure(ErrorCode::kFailed, "the worker hung up",
                                               "look into the worker's log");
                failure.outcome = std::string(kHungUp);
                return std::unexpected(std::move(failure));
            }
            case ReceiveStatus::kTooLong:
                return broken_protocol("a packet that is too long");
        }
    }
}

}  // namespace hvis::control
