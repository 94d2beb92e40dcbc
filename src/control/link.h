#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

#include "base/time.h"
#include "control/commands.h"
#include "control/failure.h"
#include "control/json.h"
#include "loop/loop.h"

namespace hvis::control {

/// Why a link is over.
struct LinkEnd {
    enum class Reason : uint8_t {
        kNobodyThere,    ///< there is no socket, or nobody listens on it
        kRefused,        ///< somebody is there, but we may not talk to it (EACCES, …)
        kNoGreeting,     ///< connected, but no hello came in time
        kHungUp,         ///< the worker closed the connection, or ended
        kBrokeProtocol,  ///< it sent what no worker of this version sends
        kDoesNotRead,    ///< it leaves too many requests unread
    };
    Reason reason = Reason::kHungUp;
    std::string text;  ///< one line
};

/// The asynchronous end of a worker's control socket: any number of requests at once, each with a
/// deadline; pushed events and status. The blocking one is Client.
///
/// One thread, the loop's; never blocks it. Any callback may destroy the link; after that, and
/// after `ended`, none is called again.
class Link {
public:
    /// Requests without a reply, those that wait to be sent included; past it they are refused. One
    /// below what a worker takes from one client, so that `cancel` always gets through.
    static constexpr size_t kMaxOutstanding = 63;
    static constexpr size_t kMaxQueuedPackets = 256;
    static constexpr size_t kMaxResultParts = 1024;
    /// Failure::outcome of requests that ended with the link; never sent by a worker.
    static constexpr std::string_view kLinkLost = "link_lost";

    using RequestId = uint64_t;
    using Answered = std::function<void(Result<std::shared_ptr<const Json>, Failure>)>;
    /// The whole packet, as docs/control-protocol.md has it.
    using Told = std::function<void(const Json& notice)>;
    struct Callbacks {
        /// The worker's hello: requests may be made from now on.
        std::function<void(const Json& hello)> greeted;
        /// One pushed event, as docs/control-protocol.md has it.
        std::function<void(const Json& event)> event;
        std::function<void(std::shared_ptr<const Json> status)> status;
        /// Called once, when the requests under way have been answered with a failure.
        std::function<void(const LinkEnd& end)> ended;
    };

    /// Connects; what comes of it is told by the callbacks, never from within this call. No hello
    /// by `deadline` ends the link. `loop` must outlive it.
    static std::unique_ptr<Link> connect(loop::Loop& loop, const std::string& path,
                                         TimePoint deadline, Callbacks callbacks);
    /// Silently: outstanding requests are dropped without a call.
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// Asks for something; `answered` is called exactly once, never from within this call. A
    /// deadline that passes cancels the request at the worker.
    RequestId request(const EncodedCommand& command, TimePoint deadline, Answered answered);
    /// The same for what stays outstanding until it is cancelled, as kvp.watch does: `told` is
    /// called with what it tells in the meantime.
    RequestId follow(const EncodedCommand& command, Told told, Answered ended);
    /// The request ends with "cancelled", unless its reply is on its way; nothing for an id that is
    /// over.
    void cancel(RequestId id);

    [[nodiscard]] bool greeted() const;
    [[nodiscard]] size_t outstanding() const;
    /// When the last packet came.
    [[nodiscard]] TimePoint heard() const;
    /// Process at the other end, known when connect() returns; 0 where there is none.
    [[nodiscard]] pid_t peer() const;

private:
    class State;
    explicit Link(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace hvis::control
