#include "manager/supervisor/held_pairs.h"

namespace hvis::manager {

HeldPairs::HeldPairs(Store& store, const Guid& vm, std::vector<HeldPair> pairs)
    : store_(store), vm_(vm) {
    for (HeldPair& pair : pairs) {
        pairs_.emplace(std::pair(pair.pool, std::move(pair.key)), std::move(pair.value));
    }
}

bool HeldPairs::is_hosts(control::Pool pool) {
    return pool == control::Pool::kExternal || pool == control::Pool::kParameters;
}

bool HeldPairs::has(control::Pool pool, const std::string& key) const {
    return pairs_.contains({pool, key});
}

bool HeldPairs::no_room_for(control::Pool pool, const std::string& key) const {
    return !has(pool, key) && of(pool).size() >= kMaxHeldPairs;
}

Result<void, Failure> HeldPairs::hold(const HeldPair& pair) {
    HVIS_CHECK(store_.save_pair(vm_, pair));
    pairs_[{pair.pool, pair.key}] = pair.value;
    return {};
}

Result<void, Failure> HeldPairs::drop(control::Pool pool, const std::string& key) {
    if (has(pool, key)) {
        HVIS_CHECK(store_.remove_pair(vm_, pool, key));
        pairs_.erase({pool, key});
    }
    return {};
}

std::vector<control::KvpPair> HeldPairs::of(control::Pool pool) const {
    std::vector<control::KvpPair> pairs;
    for (const auto& [place, value] : pairs_) {
        if (place.first == pool) {
            pairs.push_back({.key = place.second, .value = value});
        }
    }
    return pairs;
}

}  // namespace hvis::manager
