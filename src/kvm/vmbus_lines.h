#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kvm/machine.h"
#include "loop/loop.h"

namespace hvis::kvm {

/// Each processor's VMBus interrupt: one event fd that raises it, one that tells of its end.
///
/// The second one is looked at only while a message waits for its slot: the many interrupts of busy
/// rings wake nobody. Loop thread, but for raise().
class VmbusLines {
public:
    /// `loop` must outlive this object. `freed` is called with the processor's index.
    static Result<std::unique_ptr<VmbusLines>> create(loop::Loop& loop, uint32_t processors,
                                                      std::function<void(uint32_t)> freed);
    VmbusLines(const VmbusLines&) = delete;
    VmbusLines& operator=(const VmbusLines&) = delete;
    ~VmbusLines();

    /// Connects the lines to a new machine, after Machine::set_routes.
    [[nodiscard]] Result<void> attach(const Machine& machine) const;
    /// Any thread.
    void raise(uint32_t vp) const;

    /// Forgets what ended up to now. Before the attempt whose failure expect_end follows.
    void forget_ends(uint32_t vp) const;
    /// `freed` is called once, at the next end of the interrupt or the next EOM.
    Result<void> expect_end(uint32_t vp);
    void stop_expecting();

private:
    struct Line {
        UniqueFd raise;
        UniqueFd end;
        bool expecting = false;
    };
    VmbusLines(loop::Loop& loop, std::vector<Line> lines, std::function<void(uint32_t)> freed)
        : loop_(loop), lines_(std::move(lines)), freed_(std::move(freed)) {}
    void ended(uint32_t vp);

    loop::Loop& loop_;
    std::vector<Line> lines_;
    std::function<void(uint32_t)> freed_;
};

}  // namespace hvis::kvm
