#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ic/kvp_job.h"

namespace hvis::worker {

/// A pool as it was last read.
using KvpPairs = std::map<std::string, std::string>;

/// `known` with what a listing brought. A listing that is not complete says nothing about the pairs
/// that it does not have.
KvpPairs merge_listing(const KvpPairs& known, std::span<const ic::KvpPair> listing, bool complete);

struct KvpChange {
    std::string key;
    std::optional<std::string> value;  ///< nothing: removed
    bool operator==(const KvpChange&) const = default;
};

/// What one watcher of a pool has been told, to find out what is new to it. No I/O.
class KvpChanges {
public:
    KvpChanges() = default;
    /// It knows all this already.
    explicit KvpChanges(KvpPairs told) : told_(std::move(told)) {}

    /// At most `limit` differences to `now`, which count as told. Ask again for more.
    std::vector<KvpChange> take(const KvpPairs& now, size_t limit);

private:
    KvpPairs told_;
};

}  // namespace hvis::worker
