#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "control/server.h"
#include "control/status_stream.h"

namespace hvis::control {

class Connection;

/// A request that has not been answered; `connection` is cleared when it is, or is cancelled.
struct PendingRequest {
    Connection* connection = nullptr;
    uint64_t id = 0;
    std::function<void()> cancelled;
};

/// What the connections of one server share; outlives them.
struct ConnectionContext {
    loop::Loop& loop;
    EventLog& events;
    HelloInfo hello;
    Server::Handler handler;
    StatusStream::Source status;  ///< may be empty
    /// A connection has become broken; to be destroyed soon, not from within this call.
    std::function<void()> on_broken;
};

/// One client of the server. Loop thread only.
class Connection {
public:
    Connection(ConnectionContext& context, UniqueFd socket)
        : context_(context), socket_(std::move(socket)) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    /// Cancels what is outstanding.
    ~Connection();

    /// Sends the hello and begins to listen.
    Result<void> start();
    [[nodiscard]] bool broken() const { return broken_; }

    /// The status may have changed.
    void status_changed();
    /// Sends a status that is due.
    void flush_status();

    void answer(PendingRequest& request, const CommandResult& result);
    void answer(PendingRequest& request, const Failure& failure);
    void tell(const PendingRequest& request, const Notice& notice);

private:
    void ready(uint32_t events);
    void read_packets();
    void packet_received(const std::string& text);
    void hello_received(const Json& message);
    void request_received(const Json& message);
    void dispatch(uint64_t id, const Command& command);
    void list_events(uint64_t id, const EventsListCommand& command);
    void subscribe(uint64_t id, const EventsSubscribeCommand& command);
    void subscribe_status(uint64_t id);
    void cancel(uint64_t id, uint64_t target);

    void reply(uint64_t id, const CommandResult& result);
    void reply(uint64_t id, const Failure& failure);
    void enqueue(std::string text);
    void flush();
    /// Sends events of the subscription while nothing else waits.
    void pump_events();
    void watch_writable(bool on);
    void break_off(std::string_view reason);

    ConnectionContext& context_;
    UniqueFd socket_;
    bool greeted_ = false;
    bool broken_ = false;
    bool writable_watched_ = false;
    std::map<uint64_t, std::shared_ptr<PendingRequest>> pending_;
    std::deque<std::string> queue_;
    size_t queued_bytes_ = 0;
    std::optional<EventLog::SubscriptionId> subscription_;
    uint64_t next_event_ = 0;  // sequence number of the next event to push
    std::optional<StatusStream> status_stream_;
};

}  // namespace hvis::control
