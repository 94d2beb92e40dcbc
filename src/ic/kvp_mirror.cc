#include "ic/kvp_mirror.h"

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
    return {};
}

std::optional<wire::KvpRequest> KvpMirror::next() const {
    for (const auto& [key, value] : wanted_) {
        const auto found = has_.find(key);
        if (found == has_.end() || found->second != value) {
            return wire::KvpSet{.pool = pool_, .pair = {key, value}};
        }
    }
    for (const auto& [key, value] : has_) {
        if (!wanted_.contains(key)) {
            return wire::KvpDelete{.pool = pool_, .key = key};
        }
    }
    return std::nullopt;
}

void KvpMirror::answered(const wire::KvpRequest& request, bool accepted) {
    if (const auto* set = std::get_if<wire::KvpSet>(&request)) {
        written_ += accepted ? 1 : 0;
        has_[set->pair.key] = set->pair.value;
    } else if (const auto* remove = std::get_if<wire::KvpDelete>(&request)) {
        has_.erase(remove->key);
    }
}

}  // namespace hvis::ic
