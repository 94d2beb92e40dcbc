#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "control/commands.h"
#include "loop/loop.h"
#include "manager/supervisor/supervisor.h"

namespace hvis::manager {

/// Follows one pool of one VM over its stops, starts, crashes and resets: what is told is always
/// the difference to what was told before. The worker reads the pool, once for all who watch it.
/// Manager thread; no callback may destroy the watch.
class PoolWatch {
public:
    struct Callbacks {
        std::function<void(const std::string& key, const std::string& value)> set;
        std::function<void(const std::string& key)> removed;
        /// All that is there has been told.
        std::function<void()> ready;
        /// The guest cannot be asked: told once, until it is ready again.
        std::function<void(const control::Failure& failure)> unavailable;
        /// The VM was deleted: nothing follows.
        std::function<void(const control::Failure& failure)> deleted;
    };
    /// Before a watch that the worker has ended is tried again.
    static constexpr Duration kRetry = std::chrono::seconds(1);
    /// After the worker has said how many pairs there are, it tells them, some dozens at once and
    /// with short pauses. Where fewer have come and it is silent so long, some were removed
    /// meanwhile.
    static constexpr Duration kSilence = std::chrono::seconds(1);

    /// Both must outlive it.
    PoolWatch(loop::Loop& loop, Supervisor& supervisor, const Guid& vm, control::Pool pool,
              Callbacks callbacks);
    PoolWatch(const PoolWatch&) = delete;
    PoolWatch& operator=(const PoolWatch&) = delete;
    ~PoolWatch();

    /// Call once.
    void begin();

private:
    using Pairs = std::map<std::string, std::string>;

    void look();
    [[nodiscard]] std::optional<control::Failure> obstacle() const;
    void follow();
    void unfollow();
    void told(const control::Json& notice);
    void changed(const control::Json& change);
    void wait_for_rest();
    void whole();
    void ended(const control::Failure& failure);
    void unavailable(const control::Failure& failure);

    loop::Loop& loop_;
    Supervisor& supervisor_;
    Guid vm_;
    control::Pool pool_;
    Callbacks callbacks_;
    uint64_t watcher_ = 0;
    Supervisor::RequestId request_ = 0;  ///< the worker's watch, if there is one
    std::shared_ptr<int> following_;     ///< lives as long as that is of interest
    loop::Loop::TimerId timer_ = 0;      ///< kRetry or kSilence
    Pairs pairs_;                        ///< as they were told
    std::optional<Pairs> gathered_;      ///< what the worker has told of the whole so far
    uint64_t expected_ = 0;              ///< changes until that is the whole
    enum class Told : uint8_t { kNothing, kReady, kUnavailable };
    Told told_ = Told::kNothing;
};

}  // namespace hvis::manager
