#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "control/link.h"

namespace hvis::control {

/// How requests fail that were under way when the link ended.
Failure link_lost(const std::string& text);

/// What a Link owns. Held by every call that may end in a callback, so that a callback may destroy
/// the link.
class Link::State : public std::enable_shared_from_this<Link::State> {
public:
    State(loop::Loop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() = default;

    void connect(const std::string& path, TimePoint deadline);
    RequestId request(const EncodedCommand& command, TimePoint deadline, Answered answered);
    RequestId follow(const EncodedCommand& command, Told told, Answered ended);
    void cancel(RequestId id);
    /// Lets go of everything; no callback is called from now on.
    void close();

    [[nodiscard]] bool greeted() const { return greeted_; }
    [[nodiscard]] size_t outstanding() const { return requests_.size(); }
    [[nodiscard]] TimePoint heard() const { return heard_; }
    [[nodiscard]] pid_t peer() const { return peer_; }

private:
    struct Request {
        Answered answered;
        std::shared_ptr<const Told> told;  ///< held by a call that may end the request
        loop::Loop::TimerId timer = 0;
        std::shared_ptr<Json> whole;  ///< the parts that have come
        size_t parts = 0;
    };

    void open_socket(const std::string& path);
    void ready(uint32_t events);
    void read_packets();
    void packet_received(const std::string& text);
    void hello_received(const Json& message);
    void reply_received(const Json& message);
    RequestId begin(const EncodedCommand& command, std::optional<TimePoint> deadline,
                    Request wanted);
    void expired(RequestId id);
    void finish(RequestId id, Result<std::shared_ptr<const Json>, Failure> outcome);
    void send_cancel(RequestId target);
    void enqueue(std::string text);
    void flush();
    void watch_writable(bool on);
    /// Ends the link from within the loop: requests fail, then `ended` is called.
    void end(LinkEnd::Reason reason, std::string text);
    /// The same from a call of the owner: at the loop's next round.
    void end_soon(LinkEnd::Reason reason, std::string text);

    loop::Loop& loop_;
    Callbacks callbacks_;
    UniqueFd socket_;
    bool greeted_ = false;
    bool closed_ = false;
    bool writable_watched_ = false;
    pid_t peer_ = 0;
    TimePoint heard_;
    RequestId next_id_ = 1;
    std::map<RequestId, Request> requests_;
    std::deque<std::string> queue_;
    loop::Loop::TimerId greeting_timer_ = 0;
    loop::Loop::TimerId end_timer_ = 0;
};

}  // namespace hvis::control
