#include "ic/kvp_store.h"

#include <algorithm>
#include <utility>

namespace hvis::ic {

const std::vector<KvpPair>& MemoryKvpStore::pairs(KvpPool pool) const {
    return pools_.at(std::to_underlying(pool));
}

std::optional<KvpPair> MemoryKvpStore::at(KvpPool pool, uint32_t index) const {
    const auto& pairs = pools_.at(std::to_underlying(pool));
    return index < pairs.size() ? std::optional(pairs[index]) : std::nullopt;
}

std::optional<KvpPair> MemoryKvpStore::find(KvpPool pool, std::string_view key) const {
    const auto& pairs = pools_.at(std::to_underlying(pool));
    const auto found = std::ranges::find(pairs, key, &KvpPair::key);
    return found != pairs.end() ? std::optional(*found) : std::nullopt;
}

Result<void> MemoryKvpStore::set(KvpPool pool, const KvpPair& pair) {
    auto& pairs = pools_.at(std::to_underlying(pool));
    const auto found = std::ranges::find(pairs, pair.key, &KvpPair::key);
    if (found != pairs.end()) {
        found->value = pair.value;
    } else if (pairs.size() < kMaxPairs) {
        pairs.push_back(pair);
    } else {
        return fail(Errc::kLimit, "the pool is full");
    }
    return {};
}

bool MemoryKvpStore::remove(KvpPool pool, std::string_view key) {
    auto& pairs = pools_.at(std::to_underlying(pool));
    return std::erase_if(pairs, [&](const KvpPair& pair) { return pair.key == key; }) != 0;
}

std::optional<KvpIpInfo> MemoryKvpStore::ip_info(std::string_view mac) const {
    const auto found = std::ranges::find(adapters_, mac, &KvpIpInfo::adapter);
    return found != adapters_.end() ? std::optional(*found) : std::nullopt;
}

bool MemoryKvpStore::set_ip_info(const KvpIpInfo& info) {
    const auto found = std::ranges::find(adapters_, info.adapter, &KvpIpInfo::adapter);
    if (found == adapters_.end()) {
        return false;
    }
    *found = info;
    return true;
}

}  // namespace hvis::ic
