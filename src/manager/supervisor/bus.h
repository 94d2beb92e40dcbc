#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "control/failure.h"
#include "loop/loop.h"

struct sd_bus;
struct sd_bus_message;

namespace hvis::manager {

/// A D-Bus connection that is served by a loop. One thread, the loop's.
class Bus {
public:
    enum class Scope : uint8_t { kSystem, kUser };

    /// Of the system, or of this process's user, whether or not anybody told us where that is.
    static Result<std::unique_ptr<Bus>, control::Failure> open(loop::Loop& loop, Scope scope);
    /// By address, "unix:path=…".
    static Result<std::unique_ptr<Bus>, control::Failure> open(loop::Loop& loop,
                                                               const std::string& address);
    /// Where the bus of this process's user listens.
    static std::string user_socket();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;
    ~Bus();

    [[nodiscard]] sd_bus* get() const { return bus_; }
    /// Called once, from the loop, when the other side has gone; all calls have been answered with
    /// an error by then. The bus may be destroyed at the loop's next round, not from within.
    using Gone = std::function<void(const control::Failure& why)>;
    void when_gone(Gone gone) { gone_ = std::move(gone); }
    /// After something was sent: what waits to be written and when to look again may have changed.
    void update();

private:
    Bus(loop::Loop& loop, sd_bus* bus) : loop_(loop), bus_(bus) {}
    Result<void, control::Failure> serve();
    void process();

    loop::Loop& loop_;
    sd_bus* bus_;
    int watched_ = -1;
    loop::Loop::TimerId timer_ = 0;
    Gone gone_;
};

}  // namespace hvis::manager
