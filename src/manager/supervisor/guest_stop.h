#pragma once

#include <functional>
#include <memory>
#include <string>

#include "manager/supervisor/managed_vm.h"

namespace hvis::manager {

/// Brings one guest down with the host: asks it to shut down, again where it cannot do so yet, and
/// cuts its power when its stop_timeout, counted from begin(), is over. Manager thread.
class GuestStop {
public:
    /// The VM; nullptr once it is removed.
    using FindVm = std::function<ManagedVm*()>;

    /// `context` must outlive it. `through` is called once; it may not destroy this.
    GuestStop(VmContext& context, FindVm vm, std::function<void()> through);
    GuestStop(const GuestStop&) = delete;
    GuestStop& operator=(const GuestStop&) = delete;
    ~GuestStop();

    /// May call `through` from within.
    void begin();
    /// The summary of the VM has changed: perhaps it can be asked now.
    void changed();

private:
    /// What decides whether it is worth asking.
    struct Sight {
        ManagedVm::Phase phase = ManagedVm::Phase::kStopped;
        std::string state;
        std::string service;  ///< primary status of the shutdown service
        bool operator==(const Sight&) const = default;
    };
    [[nodiscard]] static Sight look(const ManagedVm& vm);
    void ask(TimePoint now);
    void resume();
    void shut_down(TimePoint now);
    void not_yet(const Failure& failure);
    void too_slow();
    void finish();
    void ask_at(TimePoint when);
    template <class Work>
    [[nodiscard]] auto alive(Work work) {
        return [token = std::weak_ptr(alive_), work = std::move(work)](const auto& outcome) {
            if (!token.expired()) {
                work(outcome);
            }
        };
    }

    VmContext& context_;
    FindVm vm_;
    std::function<void()> through_;
    TimePoint deadline_;
    Sight seen_;                         ///< when the VM was last asked
    std::string why_;                    ///< it is not down yet
    bool cut_ = false;                   ///< the deadline has passed
    loop::Loop::TimerId ask_timer_ = 0;  ///< armed while nothing is under way
    loop::Loop::TimerId deadline_timer_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace hvis::manager
