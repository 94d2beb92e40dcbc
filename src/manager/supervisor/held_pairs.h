#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "manager/definition/worker_config.h"
#include "manager/store/store.h"
#include "manager/supervisor/gone_pairs.h"

namespace hvis::manager {

/// The pairs that the host has set for one VM, in memory and in the store. Manager thread.
class HeldPairs {
public:
    HeldPairs(Store& store, const Guid& vm, std::vector<HeldPair> pairs);

    /// Whether pairs of this pool are the host's.
    static bool is_hosts(control::Pool pool);
    /// Whether one more pair would be too many.
    [[nodiscard]] bool no_room_for(control::Pool pool, const std::string& key) const;
    Result<void, Failure> hold(const HeldPair& pair);
    /// The guest does not have it (any more).
    Result<void, Failure> drop(control::Pool pool, const std::string& key);
    /// The guest may have it still, and cannot be told now.
    Result<void, Failure> drop_untold(control::Pool pool, const std::string& key);
    /// One that was dropped untold; what cannot be kept is found out again.
    void guest_has_not(control::Pool pool, const std::string& key);
    [[nodiscard]] bool has(control::Pool pool, const std::string& key) const;
    [[nodiscard]] std::vector<control::KvpPair> of(control::Pool pool) const;
    /// Those that were dropped untold.
    [[nodiscard]] const GonePairs& gone() const { return gone_; }

private:
    Store& store_;
    Guid vm_;
    std::map<std::pair<control::Pool, std::string>, std::string> pairs_;
    GonePairs gone_;
};

}  // namespace hvis::manager
