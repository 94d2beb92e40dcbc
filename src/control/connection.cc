#include "control/connection.h"

#include <utility>

#include <nlohmann/json.hpp>
#include <sys/epoll.h>

#include "control/busy.h"
#include "control/field_reader.h"
#include "control/packet.h"

namespace hvis::control {
namespace {

/// Packets taken from one client before the loop looks at the others again.
constexpr int kPacketsPerRound = 16;
constexpr size_t kMaxVerbBytes = 64;
constexpr Bounds kIdBounds{.lowest = 1, .highest = (int64_t{1} << 53U) - 1};

std::string hello_packet(const HelloInfo& info) {
    return dump_json({{"hello",
                       {{"protocol", kProtocolVersion},
                        {"program", info.program},
                        {"version", info.version},
                        {"name", info.name},
                        {"id", info.id},
                        {"run", info.run}}}});
}

Failure cancelled_failure() {
    Failure failure = make_failure(ErrorCode::kFailed, "cancelled");
    failure.outcome = "cancelled";
    return failure;
}

}  // namespace

Connection::~Connection() {
    context_.loop.unwatch(socket_.get());
    if (subscription_) {
        context_.events.unsubscribe(*subscription_);
    }
    // A callback may let go of responders of other requests: none may find its way back here.
    const auto pending = std::exchange(pending_, {});
    for (const auto& [id, request] : pending) {
        request->connection = nullptr;
    }
    for (const auto& [id, request] : pending) {
        if (const auto callback = std::exchange(request->cancelled, nullptr)) {
            callback();
        }
    }
}

Result<void> Connection::start() {
    HVIS_CHECK(
        context_.loop.watch(socket_.get(), EPOLLIN, [this](uint32_t events) { ready(events); }));
    enqueue(hello_packet(context_.hello));
    return {};
}

void Connection::ready(uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        read_packets();
    }
}

void Connection::read_packets() {
    Packet packet;
    for (int count = 0; count < kPacketsPerRound && !broken_; ++count) {
        const auto status = receive_packet(socket_.get(), packet);
        if (!status) {
            break_off(status.error().what);
            return;
        }
        switch (*status) {
            case ReceiveStatus::kPacket:
                packet_received(packet.text);
                break;
            case ReceiveStatus::kNothing:
                return;
            case ReceiveStatus::kClosed:
                break_off({});
                return;
            case ReceiveStatus::kTooLong:
                break_off("sent a packet that is too long");
                return;
        }
    }
}

void Connection::packet_received(const std::string& text) {
    const auto message = parse_json(text, kMaxPacketBytes);
    if (!message) {
        reply(0, usage_failure(message.error()));
    } else if (greeted_) {
        request_received(**message);
        return;
    } else {
        hello_received(**message);
    }
    if (!greeted_) {
        break_off("did not say hello as it must");
    }
}

void Connection::hello_received(const Json& message) {
    FieldReader outer(message);
    outer.require("hello");
    const Json* hello = outer.object("hello");
    if (hello != nullptr) {
        // What else a later version may say is of no interest: only the number decides.
        FieldReader inner(*hello, outer.place("hello"));
        inner.require("protocol");
        (void)inner.integer("protocol", {.lowest = kProtocolVersion, .highest = kProtocolVersion});
        if (inner.bad()) {
            const auto finished = inner.finish();
            outer.complain(finished.error());
        }
    }
    if (const auto finished = outer.finish(); !finished) {
        reply(0, usage_failure(finished.error()));
        return;
    }
    greeted_ = true;
}

void Connection::request_received(const Json& message) {
    FieldReader reader(message);
    reader.require("id");
    const auto id = static_cast<uint64_t>(reader.integer("id", kIdBounds).value_or(0));
    reader.require("verb");
    const auto verb = reader.text("verb", kMaxVerbBytes).value_or(std::string());
    const Json* args = reader.object("args");
    if (const auto finished = reader.finish(); !finished) {
        reply(id, usage_failure(finished.error()));
        return;
    }
    if (pending_.contains(id)) {
        reply(0, make_failure(ErrorCode::kUsage, "a request with this id is outstanding"));
        return;
    }
    const auto command = decode_command(verb, args != nullptr ? *args : Json::object());
    if (!command) {
        reply(id, command.error());
        return;
    }
    dispatch(id, *command);
}

void Connection::dispatch(uint64_t id, const Command& command) {
    if (const auto* list = std::get_if<EventsListCommand>(&command)) {
        list_events(id, *list);
        return;
    }
    if (const auto* wanted = std::get_if<EventsSubscribeCommand>(&command)) {
        subscribe(id, *wanted);
        return;
    }
    if (std::holds_alternative<StatusSubscribeCommand>(command)) {
        subscribe_status(id);
        return;
    }
    if (std::holds_alternative<StatusCommand>(command)) {
        // Else the client would know more than its stream has sent: a change back to what was sent
        // last would be none.
        flush_status();
    }
    if (const auto* target = std::get_if<CancelCommand>(&command)) {
        cancel(id, target->id);
        return;
    }
    if (pending_.size() == Server::kMaxOutstanding) {
        reply(id, too_many("too many requests are outstanding",
                           "wait for some to end, or cancel them"));
        return;
    }
    auto request = std::make_shared<PendingRequest>();
    request->connection = this;
    request->id = id;
    pending_.emplace(id, request);
    context_.handler(command, Responder(std::move(request)));
}

void Connection::list_events(uint64_t id, const EventsListCommand& command) {
    EventsResult result{.events = context_.events.since(command.since, command.limit),
                        .next = context_.events.next_sequence(),
                        .lost = context_.events.lost_since(command.since)};
    if (result.events.size() == command.limit) {
        result.next = result.events.back().sequence + 1;
    }
    reply(id, result);
}

void Connection::subscribe(uint64_t id, const EventsSubscribeCommand& command) {
    if (subscription_) {
        reply(id, make_failure(ErrorCode::kFailed, "this connection has subscribed already"));
        return;
    }
    const uint64_t newest = context_.events.next_sequence();
    const uint64_t since = std::min(command.since.value_or(newest), newest);
    const uint64_t lost = context_.events.lost_since(since);
    next_event_ = std::max<uint64_t>(since, 1) + lost;
    subscription_ = context_.events.subscribe([this](const Event&) { pump_events(); });
    reply(id, SubscribeResult{.next = next_event_, .lost = lost});
    pump_events();
}

void Connection::subscribe_status(uint64_t id) {
    if (!context_.status) {
        reply(id, make_failure(ErrorCode::kFailed, "there is no status to subscribe to"));
        return;
    }
    if (status_stream_) {
        reply(id, make_failure(ErrorCode::kFailed, "this connection has subscribed already"));
        return;
    }
    reply(id, CommandResult{});
    status_stream_.emplace(context_.loop, context_.status,
                           [this](std::string packet) { enqueue(std::move(packet)); });
}

void Connection::status_changed() {
    if (status_stream_) {
        status_stream_->changed();
    }
}

void Connection::flush_status() {
    if (status_stream_) {
        status_stream_->flush();
    }
}

void Connection::cancel(uint64_t id, uint64_t target) {
    const auto found = pending_.find(target);
    if (found == pending_.end()) {
        reply(id, make_failure(ErrorCode::kNotFound, "no such request is outstanding"));
        return;
    }
    const auto request = found->second;
    answer(*request, cancelled_failure());
    reply(id, CommandResult{});
    if (const auto callback = std::exchange(request->cancelled, nullptr)) {
        callback();
    }
}

}  // namespace hvis::control
