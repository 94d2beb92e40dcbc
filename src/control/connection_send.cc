// What a connection sends: answers, notices and events, as fast as its client reads.

#include <utility>

#include <nlohmann/json.hpp>
#include <sys/epoll.h>

#include "base/log.h"
#include "control/connection.h"
#include "control/packet.h"
#include "control/reply.h"

namespace hvis::control {
namespace {

/// Events taken from the log at a time.
constexpr size_t kEventsPerRound = 32;

}  // namespace

void Connection::answer(PendingRequest& request, const CommandResult& result) {
    request.connection = nullptr;
    reply(request.id, result);
    pending_.erase(request.id);
}

void Connection::answer(PendingRequest& request, const Failure& failure) {
    request.connection = nullptr;
    reply(request.id, failure);
    pending_.erase(request.id);
}

void Connection::tell(const PendingRequest& request, const Notice& notice) {
    enqueue(notice_packet(request.id, notice));
}

void Connection::reply(uint64_t id, const CommandResult& result) {
    for (std::string& packet : result_packets(id, to_json(result))) {
        enqueue(std::move(packet));
    }
}

void Connection::reply(uint64_t id, const Failure& failure) {
    enqueue(failure_packet(id, failure));
}

void Connection::enqueue(std::string text) {
    if (broken_) {
        return;
    }
    queued_bytes_ += text.size();
    queue_.push_back(std::move(text));
    flush();
    if (queue_.size() > Server::kMaxQueuedPackets || queued_bytes_ > Server::kMaxQueuedBytes) {
        break_off("does not read what it is sent");
    }
}

void Connection::flush() {
    while (!queue_.empty() && !broken_) {
        const auto sent = send_packet(socket_.get(), queue_.front());
        if (!sent) {
            break_off({});
            return;
        }
        if (!*sent) {
            watch_writable(true);
            return;
        }
        queued_bytes_ -= queue_.front().size();
        queue_.pop_front();
        if (queue_.empty() && writable_watched_) {
            watch_writable(false);
            pump_events();
        }
    }
}

void Connection::pump_events() {
    while (subscription_ && queue_.empty() && !broken_) {
        if (context_.events.lost_since(next_event_) != 0) {
            break_off("does not keep up with the events");
            return;
        }
        const auto events = context_.events.since(next_event_, kEventsPerRound);
        if (events.empty()) {
            return;
        }
        for (const Event& event : events) {
            if (!queue_.empty() || broken_) {
                return;
            }
            next_event_ = event.sequence + 1;
            enqueue(dump_json({{"event", to_json(event)}}));
        }
    }
}

void Connection::watch_writable(bool on) {
    if (on == writable_watched_) {
        return;
    }
    const uint32_t events = on ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (const auto changed = context_.loop.change(socket_.get(), events); !changed) {
        break_off(changed.error().what);
        return;
    }
    writable_watched_ = on;
}

void Connection::break_off(std::string_view reason) {
    if (broken_) {
        return;
    }
    broken_ = true;
    queue_.clear();
    context_.loop.unwatch(socket_.get());
    if (!reason.empty()) {
        log(LogLevel::kWarning, "control", "dropped a client: it " + std::string(reason));
    }
    context_.on_broken();
}

}  // namespace hvis::control
