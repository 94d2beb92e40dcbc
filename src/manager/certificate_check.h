#pragma once

#include <string>
#include <vector>

#include "control/failure.h"

namespace hvis::manager {

/// Whether a TLS server can use these PEM files today: both can be read, belong together, and the
/// certificate holds. Each finding is "listen.certificate: …" or "listen.key: …".
std::vector<control::Failure> check_certificate(const std::string& certificate,
                                                const std::string& key);
/// Whether a PEM file of authorities has at least one certificate; the finding begins with `name`.
std::vector<control::Failure> check_authorities(const std::string& name, const std::string& file);

}  // namespace hvis::manager
