#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace hvis::manager {

/// What a caller may do; each may do all that the one before it may.
enum class Role : uint8_t {
    kViewer,         ///< look at everything but secrets
    kOperator,       ///< start, stop, steer services and pairs of VMs that exist
    kAdministrator,  ///< define and delete VMs, tokens, backups
};
inline constexpr std::array<std::string_view, 3> kRoleWords = {"viewer", "operator",
                                                               "administrator"};

/// Who asks: for permissions and for the event log.
struct Caller {
    std::string name;  ///< "uid 1000", or the token's name
    Role role = Role::kViewer;
};

}  // namespace hvis::manager
