#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cli/http/endpoint.h"
#include "cli/http/patience.h"

namespace hvis::cli {

/// A connection to hvisd: bytes both ways, blocking with a deadline. One thread.
class Transport {
public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    /// At least one byte; 0 when the other side has ended the connection.
    virtual Result<size_t, Failure> read_some(std::span<char> into, const Patience& patience) = 0;
    virtual Result<void, Failure> write_all(std::span<const char> from,
                                            const Patience& patience) = 0;
};

/// Connects. A failure says why and what to do: hvisd does not run, the caller is not in the
/// socket's group, the certificate is not trusted.
Result<std::unique_ptr<Transport>, Failure> connect(const Endpoint& endpoint,
                                                    const Patience& patience);

/// What the failed connect(2) to the socket means for a person.
Failure explain_unix_connect(const std::string& path, int os_error);

/// A non-blocking socket connected to host and port, addresses tried in turn.
Result<UniqueFd, Failure> connect_tcp(const HttpsEndpoint& endpoint, const Patience& patience);
/// TLS over the socket: checks the certificate against the host's name.
Result<std::unique_ptr<Transport>, Failure> start_tls(UniqueFd socket,
                                                      const HttpsEndpoint& endpoint,
                                                      const Patience& patience);

}  // namespace hvis::cli
