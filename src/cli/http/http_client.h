#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "cli/http/endpoint.h"
#include "cli/http/patience.h"

namespace hvis::cli {

/// Longest body of a reply: a list of all VMs that one hvisd manages stays well below.
inline constexpr size_t kMaxReplyBytes = size_t{64} * 1024 * 1024;

struct HttpRequest {
    std::string method = "GET";
    std::string target;        ///< path and query, percent-encoded
    std::string body;          ///< JSON, or empty for none
    std::string content_type;  ///< of the body
    std::string accept = "application/json";
};

struct HttpReply {
    unsigned status = 0;
    std::string content_type;
    std::string body;
};

/// Takes a piece of a body; false: no more is wanted.
using BodySink = std::function<bool(std::string_view)>;

/// Speaks HTTP/1.1 to hvisd, one connection for each request: a command makes few of them, and so
/// none meets a connection that a restart of hvisd has cut. One thread.
class HttpClient {
public:
    explicit HttpClient(Endpoint endpoint) : endpoint_(std::move(endpoint)) {}

    [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

    Result<HttpReply, Failure> exchange(const HttpRequest& request, const Patience& patience);
    /// A reply without end: pieces of a body with status 200 go to `sink` as they come. Any other
    /// status comes back as a whole. `patience` counts until the head of the reply; after it only
    /// its interrupt does. Ends, with an empty body, when the server or the sink does.
    Result<HttpReply, Failure> follow(const HttpRequest& request, const Patience& patience,
                                      const BodySink& sink);

private:
    Endpoint endpoint_;
};

}  // namespace hvis::cli
