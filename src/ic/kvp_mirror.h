#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "wire/kvp.h"

namespace hvis::ic {

/// Pairs that the host wants in one of the guest's pools, and which of them the guest has.
///
/// What the guest refused, a pair or a removal, waits until retry(), a change of it, or a
/// reconnection. Linux refuses in the name of a daemon that is gone, and the next daemon does not
/// negotiate anew.
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
        retry();
        written_ = 0;
    }
    /// The guest took this pair by another way, and from now on it is kept there. Fails, and
    /// changes nothing, like want().
    Result<void> keep(const wire::KvpPair& pair);
    /// The guest has forgotten this pair by another way.
    void forget(const std::string& key);
    /// The next difference to carry over.
    [[nodiscard]] std::optional<wire::KvpRequest> next() const;
    /// The guest answered the request that next() named. A key that it says is missing is removed.
    void answered(const wire::KvpRequest& request, bool accepted);
    /// Offers once more what was refused.
    void retry() {
        refused_.clear();
        refused_removals_.clear();
    }
    /// There is something that retry() would offer.
    [[nodiscard]] bool wants_retry() const;
    /// Pairs that the guest took since the last call; 0 as long as there is a difference left.
    uint32_t take_written() { return next() ? 0 : std::exchange(written_, 0); }
    [[nodiscard]] wire::KvpPool pool() const { return pool_; }

private:
    [[nodiscard]] bool waits(const std::string& key, const std::string& value) const;

    wire::KvpPool pool_;
    Pairs wanted_;
    Pairs has_;
    Pairs refused_;  ///< of what is wanted
    std::set<std::string> refused_removals_;
    uint32_t written_ = 0;
};

}  // namespace hvis::ic
