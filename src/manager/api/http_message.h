#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace hvis::manager {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
constexpr std::string_view to_string(Method method) {
    switch (method) {
        case Method::kGet:
            return "GET";
        case Method::kHead:
            return "HEAD";
        case Method::kPost:
            return "POST";
        case Method::kPut:
            return "PUT";
        case Method::kPatch:
            return "PATCH";
        case Method::kDelete:
            return "DELETE";
        case Method::kOptions:
            return "OPTIONS";
        case Method::kOther:
            break;
    }
    return "";
}

/// Who is at the other end of a Unix socket, as the kernel says.
struct PeerCredentials {
    uid_t user = 0;
    std::vector<gid_t> groups;
};

/// The fields of a request that anything here looks at.
struct HttpRequest {
    Method method = Method::kOther;
    std::string target;
    std::optional<PeerCredentials> peer;  ///< Unix socket only
    std::string authorization;
    std::string accept;
    std::string content_type;
    std::string last_event_id;
    std::string body{};
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    /// Makes the body on the http thread, so that long texts do not hold up the manager thread.
    std::function<std::string()> render{};
};

}  // namespace hvis::manager
