#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "wire/kvp.h"

namespace hvis::ic {

/// Pairs that the host wants in one of the guest's pools, and which of them the guest has.
///
/// A pair that the guest refused is not offered again until it changes or the guest reconnects.
class KvpMirror {
public:
    using Pairs = std::map<std::string, std::string>;
    static constexpr size_t kMaxPairs = 128;

    explicit KvpMirror(wire::KvpPool pool) : pool_(pool) {}

    /// Fails, and changes nothing, if there are too many pairs or one breaks a limit.
    Result<void> want(Pairs pairs);
    /// The guest reconnected: nothing is known of what it has.
    void guest_changed() {
        has_.clear();
        written_ = 0;
    }
    /// The next difference to carry over.
    [[nodiscard]] std::optional<wire::KvpRequest> next() const;
    /// The guest answered the request that next() named.
    void answered(const wire::KvpRequest& request, bool accepted);
    /// Pairs that the guest took since the last call; 0 as long as there is a difference left.
    uint32_t take_written() { return next() ? 0 : std::exchange(written_, 0); }
    [[nodiscard]] wire::KvpPool pool() const { return pool_; }

private:
    wire::KvpPool pool_;
    Pairs wanted_;
    Pairs has_;  ///< what the guest was told, whether or not it took it
    uint32_t written_ = 0;
};

}  // namespace hvis::ic
