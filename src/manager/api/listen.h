#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/failure.h"
#include "manager/api/http_server.h"

namespace hvis::manager {

/// A listening Unix socket at `path`. What an earlier life left there is removed; a socket at which
/// somebody listens is not. `mode`: everybody may connect (0666) where roles
/// tell who may do what.
Result<UniqueFd, Failure> listen_unix(const std::string& path, mode_t mode);

/// A listening TCP socket at "127.0.0.1:8443", "[::]:8443" or "0.0.0.0:8443".
Result<UniqueFd, Failure> listen_tcp(const std::string& address);

/// Whether listen_tcp() takes it for an address.
Result<void, Failure> check_tcp_address(const std::string& address);

/// The sockets that systemd hands over (sd_listen_fds(3)); empty without. TCP ones need TLS.
Result<std::vector<HttpListener>, Failure> inherited_listeners();

}  // namespace hvis::manager
