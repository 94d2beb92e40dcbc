#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/guid.h"
#include "loop/loop.h"

namespace hvis::manager {

/// Does something to many VMs, group by group: the next group begins when all of one are through
/// and its delay has passed. Within a group, at most kMaxAtOnce at a time. Manager thread.
class HostOrder {
public:
    static constexpr size_t kMaxAtOnce = 16;

    struct Item {
        Guid vm;
        uint32_t order = 0;
        Duration delay{};  ///< waited after its group
    };
    enum class Direction : uint8_t { kLowestFirst, kHighestFirst };
    /// Works on one VM and calls back when it is through with it, perhaps from within.
    using Work = std::function<void(const Guid& vm, std::function<void()> through)>;

    HostOrder(loop::Loop& loop, std::vector<Item> items, Direction direction, Work work,
              std::function<void()> done);
    HostOrder(const HostOrder&) = delete;
    HostOrder& operator=(const HostOrder&) = delete;
    ~HostOrder();

    /// `done` may destroy it.
    void run();

private:
    void next_group();
    void feed();
    void through();

    loop::Loop& loop_;
    std::vector<std::vector<Item>> groups_;  ///< the next one last
    Work work_;
    std::function<void()> done_;
    std::vector<Item> waiting_;  ///< of the present group, the next one last
    size_t busy_ = 0;
    bool feeding_ = false;
    Duration delay_{};
    loop::Loop::TimerId timer_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace hvis::manager
