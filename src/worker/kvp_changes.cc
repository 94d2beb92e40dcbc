#include "worker/kvp_changes.h"

namespace hvis::worker {

KvpPairs merge_listing(const KvpPairs& known, std::span<const ic::KvpPair> listing, bool complete) {
    KvpPairs pairs = complete ? KvpPairs{} : known;
    for (const auto& [key, value] : listing) {
        if (pairs.size() < ic::KvpJob::kMaxPairs || pairs.contains(key)) {
            pairs[key] = value;
        }
    }
    return pairs;
}

std::vector<KvpChange> KvpChanges::take(const KvpPairs& now, size_t limit) {
    std::vector<KvpChange> changes;
    for (const auto& [key, value] : now) {
        const auto known = told_.find(key);
        if (changes.size() < limit && (known == told_.end() || known->second != value)) {
            changes.push_back({.key = key, .value = value});
        }
    }
    for (const auto& [key, value] : told_) {
        if (changes.size() < limit && !now.contains(key)) {
            changes.push_back({.key = key, .value = std::nullopt});
        }
    }
    for (const auto& [key, value] : changes) {
        if (value) {
            told_[key] = *value;
        } else {
            told_.erase(key);
        }
    }
    return changes;
}

}  // namespace hvis::worker
