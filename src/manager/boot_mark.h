#pragma once

#include <string>

namespace hvis::manager {

/// Names this boot of the host, or of the container: another one after each. Empty where /proc
/// does not tell.
std::string boot_mark();

}  // namespace hvis::manager
