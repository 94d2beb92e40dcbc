#include "worker/kvp_watches.h"

#include <limits>
#include <utility>

#include "control/busy.h"

namespace hvis::worker {

using control::Pool;

KvpWatches::KvpWatches(loop::Loop& loop, List list, Changed changed)
    : loop_(loop), later_(loop), list_(std::move(list)), changed_(std::move(changed)) {}

KvpWatches::~KvpWatches() {
    for (const auto& pool : pools_) {
        loop_.cancel_timer(pool.list_timer);
        loop_.cancel_timer(pool.turn_timer);
    }
}

void KvpWatches::add(const control::KvpWatchCommand& command, control::Responder responder) {
    size_t count = 0;
    for (const auto& pool : pools_) {
        count += pool.watches.size();
    }
    if (count >= kMaxWatches) {
        responder.failed(control::too_many("too many watches are outstanding",
                                           "cancel some that are not needed any more"));
        return;
    }
    const Pool pool = command.pool;
    const WatchId id = next_id_++;
    // The responder is in the middle of this callback: forget it afterwards.
    responder.on_cancelled(
        [this, pool, id] { later_.run([this, pool, id] { forget(pool, id); }); });
    auto& watches = of(pool);
    const auto added = watches.watches.emplace(
        id, Watch{.responder = std::move(responder), .initial = command.initial, .changes = {}});
    if (watches.pairs) {
        begin(pool, added.first->second);
        tell(pool);
    } else {
        list_now(pool);
    }
}

void KvpWatches::list_now(Pool pool) {
    auto& watches = of(pool);
    if (watches.listing || watches.watches.empty()) {
        return;
    }
    loop_.cancel_timer(std::exchange(watches.list_timer, 0));
    watches.listing = list_(pool);
    if (!watches.listing) {
        list_later(pool);  // The guest is paused, or not there yet: it may come.
    }
}

void KvpWatches::list_later(Pool pool) {
    auto& watches = of(pool);
    if (watches.list_timer == 0 && !watches.watches.empty()) {
        watches.list_timer = loop_.add_timer(loop::Loop::now() + kInterval, [this, pool] {
            of(pool).list_timer = 0;
            list_now(pool);
        });
    }
}

void KvpWatches::listed(Pool pool, std::span<const ic::KvpPair> pairs, bool complete) {
    auto& watches = of(pool);
    watches.listing = false;
    if (watches.watches.empty()) {
        return;
    }
    const bool first = !watches.pairs;
    watches.pairs = merge_listing(watches.pairs.value_or(KvpPairs{}), pairs, complete);
    if (first) {
        watches.recorded = KvpChanges(*watches.pairs);
    }
    for (const auto& change :
         watches.recorded.take(*watches.pairs, std::numeric_limits<size_t>::max())) {
        changed_(pool, change);
    }
    for (auto& [id, watch] : watches.watches) {
        begin(pool, watch);
    }
    tell(pool);
    list_later(pool);
}

void KvpWatches::not_listed(Pool pool) {
    of(pool).listing = false;
    list_later(pool);
}

void KvpWatches::begin(Pool pool, Watch& watch) {
    if (std::exchange(watch.began, true)) {
        return;
    }
    const KvpPairs& pairs = *of(pool).pairs;
    watch.changes = watch.initial ? KvpChanges() : KvpChanges(pairs);
    watch.responder.tell(
        control::WatchingNotice{.pool = pool, .pairs = static_cast<uint32_t>(pairs.size())});
}

void KvpWatches::tell(Pool pool) {
    auto& watches = of(pool);
    bool more = false;
    for (auto& [id, watch] : watches.watches) {
        if (!watch.began || !watch.responder.wanted()) {
            continue;
        }
        const auto changes = watch.changes.take(*watches.pairs, kMaxChangesPerTurn);
        for (const auto& [key, value] : changes) {
            watch.responder.tell(
                control::KvpChangeNotice{.pool = pool, .key = key, .value = value});
        }
        more = more || changes.size() == kMaxChangesPerTurn;
    }
    if (more && watches.turn_timer == 0) {
        watches.turn_timer = loop_.add_timer(loop::Loop::now() + kTurn, [this, pool] {
            of(pool).turn_timer = 0;
            tell(pool);
        });
    }
}

void KvpWatches::forget(Pool pool, WatchId id) {
    auto& watches = of(pool);
    watches.watches.erase(id);
    if (watches.watches.empty()) {
        loop_.cancel_timer(std::exchange(watches.list_timer, 0));
        loop_.cancel_timer(std::exchange(watches.turn_timer, 0));
        watches.pairs.reset();
    }
}

void KvpWatches::machine_stopped() {
    for (auto& pool : pools_) {
        for (auto& [id, watch] : std::exchange(pool.watches, {})) {
            watch.responder.failed(control::make_failure(
                control::ErrorCode::kFailed, "the machine has stopped", "see 'events'"));
        }
        loop_.cancel_timer(std::exchange(pool.list_timer, 0));
        loop_.cancel_timer(std::exchange(pool.turn_timer, 0));
        pool.pairs.reset();
    }
}

}  // namespace hvis::worker
