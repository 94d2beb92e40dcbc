#pragma once

#include <deque>
#include <memory>
#include <string>

#include "base/time.h"
#include "base/unique_fd.h"
#include "control/commands.h"
#include "control/failure.h"
#include "control/json.h"
#include "control/packet.h"

namespace hvis::control {

/// The other end of a worker's control socket: one request at a time, each with a deadline. Blocks;
/// for the command line and for tests. One thread.
class Client {
public:
    /// Most events kept while a reply is awaited; past it the oldest are dropped.
    static constexpr size_t kMaxPendingEvents = 4096;
    /// Most parts of one result.
    static constexpr size_t kMaxResultParts = 1024;
    /// Failure::outcome when the connection broke; never sent by a worker.
    static constexpr std::string_view kHungUp = "hung_up";

    /// Connects and exchanges hellos. kNotFound where nobody listens, kFailed where the worker
    /// speaks another version.
    static Result<Client, Failure> connect(const std::string& path, TimePoint deadline);
    /// The same over a socket that is connected already.
    static Result<Client, Failure> adopt(UniqueFd socket, TimePoint deadline);

    /// The whole result, parts joined. kTimedOut when the deadline passes first; the request is
    /// then still outstanding at the worker, until the connection closes.
    Result<std::shared_ptr<const Json>, Failure> call(const Command& command, TimePoint deadline);
    /// The same for a verb that this code need not know.
    Result<std::shared_ptr<const Json>, Failure> call(const EncodedCommand& command,
                                                      TimePoint deadline);

    /// Begins a request that stays outstanding, such as kvp.watch, and returns its id.
    Result<uint64_t, Failure> start(const Command& command, TimePoint deadline);
    /// What it tells next, {"watching":{…}} or {"change":{…}}, or nullptr at the deadline. The
    /// failure is the request's own, once it has ended. Other packets in between are dropped, but
    /// for what is pushed to subscribers.
    Result<std::shared_ptr<const Json>, Failure> next_notice(uint64_t id, TimePoint deadline);

    /// The next event of a subscription, or nullptr at the deadline.
    Result<std::shared_ptr<const Json>, Failure> next_event(TimePoint deadline);

    /// The newest status of a subscription that was not taken yet, or nullptr at the deadline.
    Result<std::shared_ptr<const Json>, Failure> next_status(TimePoint deadline);

    /// The worker's hello.
    [[nodiscard]] const Json& hello() const { return *hello_; }

private:
    explicit Client(UniqueFd socket) : socket_(std::move(socket)) {}
    Result<std::shared_ptr<const Json>, Failure> receive(TimePoint deadline);
    Result<void, Failure> wait_until(short events, TimePoint deadline) const;
    Result<void, Failure> send(const std::string& text, TimePoint deadline) const;
    Result<uint64_t, Failure> request(const EncodedCommand& command, TimePoint deadline);
    Result<void, Failure> exchange_hello(TimePoint deadline);
    /// True if the message was pushed by a subscription; it is kept.
    bool keep_pushed(const std::shared_ptr<const Json>& message);
    Result<void, Failure> receive_pushed(TimePoint deadline);

    UniqueFd socket_;
    std::shared_ptr<const Json> hello_;
    uint64_t next_id_ = 1;
    std::deque<std::shared_ptr<const Json>> events_;
    std::shared_ptr<const Json> status_;
};

}  // namespace hvis::control
