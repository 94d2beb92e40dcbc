#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/failure.h"
#include "manager/api/exchange.h"
#include "manager/api/http_limits.h"

namespace hvis::manager {

using control::Failure;

/// What the server has seen; read by any thread.
struct HttpCounters {
    std::atomic<uint64_t> accepted{0};
    std::atomic<uint64_t> turned_away{0};  ///< connections past the limit
    std::atomic<uint64_t> timed_out{0};    ///< slow and dead clients
    std::atomic<uint64_t> requests{0};
    std::atomic<uint64_t> refused{0};      ///< answers 400..499
    std::atomic<uint64_t> failed{0};       ///< answers 500..599
    std::atomic<uint64_t> connections{0};  ///< now
    std::atomic<uint64_t> streams{0};      ///< now
};

/// A bound and listening socket, Unix or TCP.
struct HttpListener {
    UniqueFd socket;
    bool tls = false;  ///< required for TCP: tokens travel on it
};

struct HttpServerConfig {
    std::vector<HttpListener> listeners;
    /// PEM files; needed when a listener has tls.
    std::string certificate;
    std::string key;
    HttpLimits limits;
};

/// HTTP/1.1 on a thread of its own: connections, TLS, parsing, time-outs. Knows no routes.
class HttpServer {
public:
    /// Starts the thread. `handler` must outlive the server. A certificate that cannot be used is a
    /// failure.
    static Result<std::unique_ptr<HttpServer>, Failure> start(HttpServerConfig config,
                                                              HttpHandler& handler);
    /// Closes all connections and joins the thread.
    virtual ~HttpServer() = default;
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    [[nodiscard]] virtual const HttpCounters& counters() const = 0;
    /// Runs `work` on the http thread. Any thread.
    virtual void post(std::function<void()> work) = 0;
    /// Runs `attempt` on the http thread again and again, a moment apart, until it says true.
    virtual void retry(std::function<bool()> attempt) = 0;
    /// Reads certificate and key again, for connections from then on; what cannot be used leaves
    /// them as they are. Nothing without TLS. Manager thread.
    virtual Result<void, Failure> reload_tls() = 0;

protected:
    HttpServer() = default;
};

}  // namespace hvis::manager
