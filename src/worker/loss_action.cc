#include "worker/loss_action.h"

namespace hvis::worker {

LossAction::Verdict LossAction::heartbeat_lost(const control::HeartbeatPolicy& policy,
                                               TimePoint now) {
    if (healthy_since_ < now && now - healthy_since_ >= kForgiveAfter) {
        used_ = 0;
    }
    healthy_since_ = TimePoint::max();
    if (policy.on_loss == control::OnLoss::kNone) {
        return Verdict::kNothing;
    }
    if (used_ >= policy.attempts) {
        return Verdict::kExhausted;
    }
    ++used_;
    return policy.on_loss == control::OnLoss::kReset ? Verdict::kReset : Verdict::kPowerOff;
}

}  // namespace hvis::worker
