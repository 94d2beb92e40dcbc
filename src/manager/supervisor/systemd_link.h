#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "control/failure.h"
#include "loop/loop.h"
#include "manager/supervisor/bus.h"

namespace hvis::manager {

/// The connection to a systemd, whose signals are subscribed to. One that is lost, because dbus or
/// the systemd of a user was restarted, is opened again: a few times by itself, and after that
/// whenever something is asked. Loop thread.
class SystemdLink {
public:
    using Open = std::function<Result<std::unique_ptr<Bus>, control::Failure>()>;
    /// Called with null when systemd can be asked, else with why not.
    using Work = std::function<void(const control::Failure* why)>;
    /// What the owner does with each new connection.
    struct Owner {
        /// Before systemd is asked anything: for matches.
        std::function<Result<void, control::Failure>(Bus& bus)> opened;
        /// Systemd answers; after a loss again.
        std::function<void()> ready;
    };
    struct Patience {
        Duration first_delay = std::chrono::milliseconds(250);  ///< doubled each time
        int tries = 7;                                          ///< 16 s in all
    };

    SystemdLink(loop::Loop& loop, Open open, Owner owner, Patience patience);
    SystemdLink(const SystemdLink&) = delete;
    SystemdLink& operator=(const SystemdLink&) = delete;
    ~SystemdLink();

    /// The first connection, which is not tried again when there is nobody to connect to.
    Result<void, control::Failure> begin();
    /// Now, or when systemd answers again, or when that was given up.
    void when_ready(Work work);
    [[nodiscard]] bool ready() const { return state_ == State::kReady; }
    /// Null while there is none.
    [[nodiscard]] Bus* bus() const { return bus_.get(); }

private:
    enum class State : uint8_t { kDown, kOpening, kReady };

    Result<void, control::Failure> open();
    Result<void, control::Failure> subscribe();
    void subscribed();
    void lost(control::Failure why);
    void try_again();
    void run_waiting(const control::Failure* why);

    loop::Loop& loop_;
    Open open_;
    Owner owner_;
    Patience patience_;
    State state_ = State::kDown;
    bool was_lost_ = false;
    int tries_ = 0;
    Duration delay_{};
    loop::Loop::TimerId timer_ = 0;
    std::vector<Work> waiting_;
    std::unique_ptr<Bus> bus_;
};

}  // namespace hvis::manager
