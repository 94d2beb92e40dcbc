#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "control/commands.h"

namespace hvis::control {

/// kvp.watch: the pool has been read, what changes from now on is told.
struct WatchingNotice {
    Pool pool = Pool::kGuest;
    uint32_t pairs = 0;  ///< how many there are
    bool operator==(const WatchingNotice&) const = default;
};
/// kvp.watch: one pair. Guest-controlled text.
struct KvpChangeNotice {
    Pool pool = Pool::kGuest;
    std::string key;
    std::optional<std::string> value;  ///< nothing: the key was removed
    bool operator==(const KvpChangeNotice&) const = default;
};

/// What a request that stays outstanding tells before it ends.
using Notice = std::variant<WatchingNotice, KvpChangeNotice>;

/// {"id":…,"watching":{…}} or {"id":…,"change":{…}}. Always one packet: keys and values have their
/// limits.
std::string notice_packet(uint64_t id, const Notice& notice);

}  // namespace hvis::control
