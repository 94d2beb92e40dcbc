#include "manager/supervisor/held_pairs.h"

#include "base/log.h"

namespace hvis::manager {

HeldPairs::HeldPairs(Store& store, const Guid& vm, std::vector<HeldPair> pairs)
    : store_(store), vm_(vm), gone_(store, vm) {
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
    return gone_.remove(pair.pool, pair.key);
}

Result<void, Failure> HeldPairs::drop(control::Pool pool, const std::string& key) {
    if (has(pool, key)) {
        HVIS_CHECK(store_.remove_pair(vm_, pool, key));
        pairs_.erase({pool, key});
    }
    return gone_.remove(pool, key);
}

Result<void, Failure> HeldPairs::drop_untold(control::Pool pool, const std::string& key) {
    if (gone_.full()) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kFailed,
            "the guest has yet to be told of " + std::to_string(GonePairs::kMaxGonePairs) +
                " deleted pairs",
            "start the VM, resume it or enable its kvp service: that tells it"));
    }
    // A pair that is held counts, whatever is noted: an end in between leaves it as it was.
    HVIS_CHECK(gone_.add(pool, key));
    HVIS_CHECK(store_.remove_pair(vm_, pool, key));
    pairs_.erase({pool, key});
    return {};
}

void HeldPairs::guest_has_not(control::Pool pool, const std::string& key) {
    if (const auto removed = gone_.remove(pool, key); !removed) {
        log(LogLevel::kWarning, "manager", removed.error().message);
    }
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
