#include "cli/http/endpoint.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <unistd.h>

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;

/// Longest token that a file may hold.
constexpr size_t kMaxTokenBytes = 4096;

std::unexpected<Failure> bad_url(const std::string& url) {
    return std::unexpected(make_failure(ErrorCode::kUsage, "not a URL of hvisd: " + url,
                                        "it looks like https://host.example.org:8443"));
}

/// "https://host[:port][/]", "https://[::1]:8443".
Result<HttpsEndpoint, Failure> parse_url(const std::string& url) {
    constexpr std::string_view kScheme = "https://";
    if (!url.starts_with(kScheme)) {
        return bad_url(url);
    }
    std::string_view rest = std::string_view(url).substr(kScheme.size());
    if (rest.ends_with('/')) {
        rest.remove_suffix(1);
    }
    HttpsEndpoint endpoint;
    if (rest.starts_with('[')) {
        const size_t end = rest.find(']');
        if (end == std::string_view::npos) {
            return bad_url(url);
        }
        endpoint.host = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
    } else {
        endpoint.host = rest.substr(0, rest.find(':'));
        rest.remove_prefix(endpoint.host.size());
    }
    if (!rest.empty()) {
        rest.remove_prefix(1);
        const auto [end, error] =
            std::from_chars(rest.data(), rest.data() + rest.size(), endpoint.port);
        if (error != std::errc() || end != rest.data() + rest.size() || endpoint.port == 0) {
            return bad_url(url);
        }
    }
    if (endpoint.host.empty() || endpoint.host.find_first_of("/@?# \t") != std::string::npos) {
        return bad_url(url);
    }
    return endpoint;
}

/// A token stands in a header line: no blanks and no control characters.
bool is_token(std::string_view token) {
    return !token.empty() && token.size() <= kMaxTokenBytes &&
           token.find_first_not_of(
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=") ==
               std::string_view::npos;
}

Result<std::string, Failure> read_token(const std::string& path) {
    std::ifstream file(path);
    std::string token;
    if (!std::getline(file, token)) {
        return std::unexpected(make_failure(ErrorCode::kUsage, "cannot read a token from " + path,
                                            "the file holds the token on its first line"));
    }
    return token;
}

Result<Endpoint, Failure> https_endpoint(const std::string& url, const EndpointOptions& options,
                                         const Surroundings& surroundings) {
    HttpsEndpoint endpoint = HVIS_TRY(parse_url(url));
    endpoint.ca_file = options.ca_file;
    endpoint.token = options.token_file.empty() ? surroundings.variable("HVIS_TOKEN")
                                                : HVIS_TRY(read_token(options.token_file));
    if (!endpoint.token.empty() && !is_token(endpoint.token)) {
        return std::unexpected(make_failure(ErrorCode::kUsage,
                                            "the token holds characters that no token has",
                                            "'hvis token create NAME' on the host makes one"));
    }
    return endpoint;
}

std::string default_socket(const Surroundings& surroundings) {
    const std::string runtime = surroundings.variable("XDG_RUNTIME_DIR");
    if (!surroundings.root && !runtime.empty()) {
        const std::string own = runtime + "/hvis/hvisd.sock";
        if (surroundings.exists(own) || !surroundings.exists(kSystemSocket)) {
            return own;
        }
    }
    return kSystemSocket;
}

}  // namespace

Surroundings Surroundings::real() {
    return {.variable =
                [](const char* name) {
                    const char* value = std::getenv(name);
                    return std::string(value == nullptr ? "" : value);
                },
            .exists =
                [](const std::string& path) {
                    std::error_code error;
                    return std::filesystem::exists(path, error);
                },
            .root = ::geteuid() == 0};
}

Result<Endpoint, Failure> find_endpoint(const EndpointOptions& options,
                                        const Surroundings& surroundings) {
    if (!options.url.empty() && !options.socket.empty()) {
        return std::unexpected(make_failure(ErrorCode::kUsage, "--url and --socket are two places",
                                            "say one of them"));
    }
    if (!options.url.empty()) {
        return https_endpoint(options.url, options, surroundings);
    }
    if (!options.socket.empty()) {
        return UnixEndpoint{options.socket};
    }
    if (const std::string url = surroundings.variable("HVIS_URL"); !url.empty()) {
        return https_endpoint(url, options, surroundings);
    }
    if (std::string socket = surroundings.variable("HVIS_SOCKET"); !socket.empty()) {
        return UnixEndpoint{std::move(socket)};
    }
    return UnixEndpoint{default_socket(surroundings)};
}

std::string to_string(const Endpoint& endpoint) {
    if (const auto* https = std::get_if<HttpsEndpoint>(&endpoint); https != nullptr) {
        const bool address = https->host.find(':') != std::string::npos;
        return "https://" + (address ? "[" + https->host + "]" : https->host) + ":" +
               std::to_string(https->port);
    }
    return std::get<UnixEndpoint>(endpoint).path;
}

}  // namespace hvis::cli
