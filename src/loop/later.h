#pragma once

#include <set>

#include "loop/loop.h"

namespace hvis::loop {

/// Work that its owner puts off until the callback under way is over. What has not run when the
/// owner dies is forgotten, so it may use the owner freely. Loop thread.
///
/// Unlike Loop::post(), which serves other threads, it never says no.
class Later {
public:
    /// `loop` must outlive this object.
    explicit Later(Loop& loop) : loop_(loop) {}
    ~Later();
    Later(const Later&) = delete;
    Later& operator=(const Later&) = delete;

    /// `work` may destroy the owner.
    void run(Loop::Callback work);

private:
    Loop& loop_;
    std::set<Loop::TimerId> pending_;
};

}  // namespace hvis::loop
