#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "manager/api/http_message.h"

namespace hvis::manager {

/// The body of an answer that goes on: server-sent events. Any thread, but one writer.
///
/// A client that reads slower than it is written to makes write() refuse; one that reads nothing
/// for HttpLimits::write_time is disconnected.
class StreamSink {
public:
    virtual ~StreamSink() = default;
    /// False, and nothing is sent, when the client has gone or too much waits for it already.
    virtual bool write(std::string text) = 0;
    /// Bytes that the socket has not taken yet.
    [[nodiscard]] virtual size_t waiting() const = 0;
    [[nodiscard]] virtual bool closed() const = 0;
    /// Ends the answer after what has been written.
    virtual void finish() = 0;
    /// `drained`: the queue has become short again; `closed`: the client has gone. Both on the http
    /// thread; set before the first write.
    virtual void notify(std::function<void()> drained, std::function<void()> closed) = 0;
};

/// One request on its way to an answer. Any thread.
class Exchange {
public:
    virtual ~Exchange() = default;
    /// The first answer() or stream() counts.
    virtual void answer(HttpResponse response) = 0;
    virtual std::shared_ptr<StreamSink> stream(HttpResponse head) = 0;
    /// `gone` is called on the http thread when the client has left before the answer; set by the
    /// HttpHandler before it returns.
    virtual void on_gone(std::function<void()> gone) = 0;
};

class HttpServer;

/// What the server asks about requests; http thread.
class HttpHandler {
public:
    virtual ~HttpHandler() = default;
    /// Called once, before anything else.
    virtual void attach(HttpServer& server) = 0;
    /// An answer that needs no body: for refusing a request before its body is taken in.
    virtual std::optional<HttpResponse> refuse(const HttpRequest& head) = 0;
    virtual void handle(HttpRequest request, std::shared_ptr<Exchange> exchange) = 0;
    /// Whether the user at the other end of the local socket is an administrator, for whom
    /// connections are kept.
    virtual bool is_administrator(const PeerCredentials& peer) = 0;
};

}  // namespace hvis::manager
