#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>

#include "control/commands.h"
#include "control/server.h"
#include "loop/later.h"
#include "loop/loop.h"
#include "worker/kvp_changes.h"

namespace hvis::worker {

/// Requests that watch a pool. A guest does not say when it changes something: the pool is read
/// again and again while somebody watches it, once for all of them. Loop thread.
class KvpWatches {
public:
    /// Between the end of a reading and the next.
    static constexpr Duration kInterval = std::chrono::seconds(2);
    /// Of all clients together.
    static constexpr size_t kMaxWatches = 16;
    /// Told to one watcher before the others have their turn, so that its client can read.
    static constexpr size_t kMaxChangesPerTurn = 64;
    static constexpr Duration kTurn = std::chrono::milliseconds(50);

    /// Has the guest list a pool; listed() or not_listed() follows, later. False if it cannot now.
    using List = std::function<bool(control::Pool)>;
    /// Told of each change once, however many watch; not of what was there when a watch began.
    using Changed = std::function<void(control::Pool, const KvpChange&)>;

    KvpWatches(loop::Loop& loop, List list, Changed changed);
    ~KvpWatches();
    KvpWatches(const KvpWatches&) = delete;
    KvpWatches& operator=(const KvpWatches&) = delete;

    void add(const control::KvpWatchCommand& command, control::Responder responder);
    /// `complete`: there is nothing in the pool but these.
    void listed(control::Pool pool, std::span<const ic::KvpPair> pairs, bool complete);
    void not_listed(control::Pool pool);
    /// The machine has stopped for good: all watches fail.
    void machine_stopped();

private:
    using WatchId = uint64_t;
    struct Watch {
        control::Responder responder;
        bool initial = false;
        bool began = false;  ///< the pool has been read since
        KvpChanges changes;
    };
    struct PoolWatches {
        std::map<WatchId, Watch> watches;
        std::optional<KvpPairs> pairs;  ///< as last read; nothing before that, or with no watch
        KvpChanges recorded;
        bool listing = false;
        loop::Loop::TimerId list_timer = 0;
        loop::Loop::TimerId turn_timer = 0;
    };

    [[nodiscard]] PoolWatches& of(control::Pool pool) { return pools_[static_cast<size_t>(pool)]; }
    void list_now(control::Pool pool);
    void list_later(control::Pool pool);
    void tell(control::Pool pool);
    void begin(control::Pool pool, Watch& watch);
    void forget(control::Pool pool, WatchId id);

    loop::Loop& loop_;
    loop::Later later_;
    List list_;
    Changed changed_;
    std::array<PoolWatches, control::kPoolWords.size()> pools_;
    WatchId next_id_ = 1;
};

}  // namespace hvis::worker
