#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "manager/definition/worker_config.h"
#include "manager/store/store.h"

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
    Result<void, Failure> drop(control::Pool pool, const std::string& key);
    [[nodiscard]] bool has(control::Pool pool, const std::string& key) const;
    [[nodiscard]] std::vector<control::KvpPair> of(control::Pool pool) const;

private:
    Store& store_;
    Guid vm_;
    std::map<std::pair<control::Pool, std::string>, std::string> pairs_;
};

}  // namespace hvis::manager
