#include "ic/kvp_mirror.h"

#include <algorithm>
#include <utility>

namespace hvis::ic {

Result<void> KvpMirror::want(Pairs pairs) {
    if (pairs.size() > kMaxPairs) {
        return fail(Errc::kLimit, "more than 128 pairs are to be kept in a guest's pool");
    }
    for (const auto& [key, value] : pairs) {
        HVIS_CHECK(wire::check_kvp_key(key));
        HVIS_CHECK(wire::check_kvp_value(value));
    }
    wanted_ = std::move(pairs);
    std::erase_if(refused_, [&](const auto& refused) { return !wanted_.contains(refused.first); });
    std::erase_if(refused_removals_, [&](const auto& key) { return wanted_.contains(key); });
    return {};
}

Result<void> KvpMirror::keep(const wire::KvpPair& pair) {
    auto wanted = wanted_;
    wanted[pair.key] = pair.value;
    HVIS_CHECK(want(std::move(wanted)));
    has_[pair.key] = pair.value;
    refused_.erase(pair.key);
    return {};
}

void KvpMirror::forget(const std::string& key) {
    wanted_.erase(key);
    has_.erase(key);
    refused_.erase(key);
    refused_removals_.erase(key);
}

bool KvpMirror::waits(const std::string& key, const std::string& value) const {
    const auto refused = refused_.find(key);
    return refused != refused_.end() && refused->second == value;
}

bool KvpMirror::wants_retry() const {
    return !refused_removals_.empty() || std::ranges::any_of(refused_, [&](const auto& refused) {
        return wanted_.at(refused.first) == refused.second;
    });
}

std::optional<wire::KvpRequest> KvpMirror::next() const {
    for (const auto& [key, value] : wanted_) {
        const auto found = has_.find(key);
        if ((found == has_.end() || found->second != value) && !waits(key, value)) {
            return wire::KvpSet{.pool = pool_, .pair = {key, value}};
        }
    }
    for (const auto& [key, value] : has_) {
        if (!wanted_.contains(key) && !refused_removals_.contains(key)) {
            return wire::KvpDelete{.pool = pool_, .key = key};
        }
    }
    return std::nullopt;
}

void KvpMirror::answered(const wire::KvpRequest& request, bool accepted) {
    if (const auto* set = std::get_if<wire::KvpSet>(&request)) {
        const auto& [key, value] = set->pair;
        if (accepted) {
            ++written_;
            has_[key] = value;
            refused_.erase(key);
        } else if (wanted_.contains(key)) {
            refused_[key] = value;
        }
    } else if (const auto* remove = std::get_if<wire::KvpDelete>(&request)) {
        if (accepted) {
            has_.erase(remove->key);
        } else if (has_.contains(remove->key)) {
            refused_removals_.insert(remove->key);
        }
    }
}

}  // namespace hvis::ic
