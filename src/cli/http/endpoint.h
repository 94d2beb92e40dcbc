#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "control/failure.h"

namespace hvis::cli {

using control::Failure;

/// hvisd on this host.
struct UnixEndpoint {
    std::string path;
    bool operator==(const UnixEndpoint&) const = default;
};

/// hvisd behind TLS.
struct HttpsEndpoint {
    std::string host;
    uint16_t port = 443;
    std::string token;    ///< bearer token, or empty
    std::string ca_file;  ///< PEM; empty: the system's certificates
    bool operator==(const HttpsEndpoint&) const = default;
};

using Endpoint = std::variant<UnixEndpoint, HttpsEndpoint>;

/// What the command line says of the endpoint; empty where it says nothing.
struct EndpointOptions {
    std::string socket;
    std::string url;
    std::string token_file;
    std::string ca_file;
};

/// What of the process's surroundings decides; replaced in tests.
struct Surroundings {
    /// Value of an environment variable, or empty.
    std::function<std::string(const char*)> variable;
    std::function<bool(const std::string&)> exists;
    bool root = false;
    static Surroundings real();
};

/// The socket of hvisd where it runs for the whole host.
inline constexpr const char* kSystemSocket = "/run/hvis/hvisd.sock";

/// --url and --socket come first, then $HVIS_URL and $HVIS_SOCKET, then the user's own hvisd if it
/// has a socket, then the system's. Reads the token file; a bad URL or file is a kUsage failure.
Result<Endpoint, Failure> find_endpoint(const EndpointOptions& options,
                                        const Surroundings& surroundings);

/// For messages: the path or the URL.
std::string to_string(const Endpoint& endpoint);

}  // namespace hvis::cli
