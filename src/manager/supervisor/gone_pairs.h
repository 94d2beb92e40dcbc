#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "manager/store/store.h"

namespace hvis::manager {

/// Pairs that were deleted while the guest could not be told. Guests keep pairs over their stops,
/// so each is remembered, also in the store, until the guest is known not to have it. Manager
/// thread.
class GonePairs {
public:
    /// More deletions are refused until the guest was told of some.
    static constexpr size_t kMaxGonePairs = 256;

    GonePairs(Store& store, const Guid& vm);

    [[nodiscard]] bool full() const { return keys_.size() >= kMaxGonePairs; }
    [[nodiscard]] bool has(control::Pool pool, const std::string& key) const;
    [[nodiscard]] std::vector<std::string> of(control::Pool pool) const;
    Result<void, Failure> add(control::Pool pool, const std::string& key);
    Result<void, Failure> remove(control::Pool pool, const std::string& key);

private:
    using Keys = std::set<std::pair<control::Pool, std::string>>;
    Result<void, Failure> keep(Keys keys);

    Store& store_;
    std::string name_;  ///< of the setting
    Keys keys_;
};

/// For a VM that is deleted.
Result<void, Failure> forget_gone_pairs(Store& store, const Guid& vm);

}  // namespace hvis::manager
