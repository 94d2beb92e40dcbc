#include "manager/supervisor/vm_waits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "control/busy.h"

namespace hvis::manager {

using control::Condition;
using control::ErrorCode;

VmWaits::~VmWaits() {
    for (const auto& [id, wait] : waits_) {
        loop_.cancel_timer(wait.timer);
    }
}

bool VmWaits::has_room() const {
    return std::cmp_less(
        std::ranges::count_if(
            waits_, [](const auto& wait) { return wait.second.condition != Condition::kStopped; }),
        kMaxAsked);
}

uint64_t VmWaits::add(Condition condition, control::Milliseconds timeout, Done done) {
    const uint64_t id = next_id_++;
    const bool refused = condition != Condition::kStopped && !has_room();
    Wait& wait = waits_[id];
    wait.condition = condition;
    wait.done = std::move(done);
    wait.deadline = loop::Loop::now() + timeout;
    if (refused) {
        finish_soon(id,
                    std::unexpected(control::too_many(
                        "too many wait for this VM already",
                        "wait for some of them to end, or cancel them: 'hvis operation list'")));
        return id;
    }
    if (condition == Condition::kStopped && stopped_) {
        finish_soon(id, {});
        return id;
    }
    if (condition == Condition::kStopped) {
        allow_for_reply(id);
    } else if (link_ != nullptr) {
        ask(id);
    } else {
        // Nobody to ask, and so no reply to allow more time for.
        wait.timer = loop_.add_timer(wait.deadline, [this, id] {
            finish(id, std::unexpected(control::make_failure(
                           ErrorCode::kTimedOut, "the VM was not running in time",
                           "start it, or look at why it does not run with 'hvis status'")));
        });
    }
    return id;
}

void VmWaits::allow_for_reply(uint64_t id) {
    Wait& wait = waits_.at(id);
    loop_.cancel_timer(wait.timer);
    wait.timer = loop_.add_timer(wait.deadline + timings_.reply_slack, [this, id] {
        finish(id, std::unexpected(control::make_failure(
                       ErrorCode::kTimedOut, "the VM did not get there in time",
                       "look at its status; a longer --timeout may help")));
    });
}

void VmWaits::ask(uint64_t id) {
    Wait& wait = waits_.at(id);
    if (link_ == nullptr || wait.request != 0 || wait.condition == Condition::kStopped) {
        return;
    }
    const auto left = std::chrono::ceil<control::Milliseconds>(wait.deadline - loop::Loop::now());
    wait.asked = true;
    allow_for_reply(id);
    wait.request = link_->request(
        control::encode_command(control::WaitCommand{
            .condition = wait.condition, .timeout = std::max(left, control::Milliseconds(1))}),
        wait.deadline + timings_.reply_slack,
        [this, id](const auto& reply) { answered(id, reply); });
}

void VmWaits::answered(
    uint64_t id, const Result<std::shared_ptr<const control::Json>, control::Failure>& reply) {
    const auto found = waits_.find(id);
    if (found == waits_.end()) {
        return;
    }
    found->second.request = 0;
    if (reply) {
        found->second.asked = false;  // Reached: what comes after does not make it fail.
        refresh_([this, id] { finish(id, {}); });
    } else if (reply.error().code == ErrorCode::kTimedOut || reply.error().outcome == "cancelled") {
        finish(id, std::unexpected(reply.error()));
    }
    // Otherwise the machine has stopped, or the link was lost: what follows will show.
}

void VmWaits::running(control::Link& link) {
    link_ = &link;
    stopped_ = false;
    std::vector<uint64_t> ids;
    for (const auto& [id, wait] : waits_) {
        ids.push_back(id);
    }
    for (const uint64_t id : ids) {
        ask(id);
    }
}

void VmWaits::stopped() {
    link_ = nullptr;
    stopped_ = true;
    std::vector<std::pair<uint64_t, bool>> over;
    for (const auto& [id, wait] : waits_) {
        if (wait.condition == Condition::kStopped || wait.asked) {
            over.emplace_back(id, wait.condition == Condition::kStopped);
        }
    }
    for (const auto& [id, reached] : over) {
        if (reached) {
            finish(id, {});
        } else {
            finish(id,
                   std::unexpected(control::make_failure(ErrorCode::kFailed, "the VM has stopped",
                                                         "see what happened with 'hvis events'")));
        }
    }
}

void VmWaits::cancel(uint64_t id) {
    const auto found = waits_.find(id);
    if (found == waits_.end()) {
        return;
    }
    if (found->second.request != 0 && link_ != nullptr) {
        link_->cancel(found->second.request);  // its answer ends the wait
        return;
    }
    control::Failure failure = control::make_failure(ErrorCode::kFailed, "cancelled");
    failure.outcome = "cancelled";
    finish_soon(id, std::unexpected(failure));
}

void VmWaits::finish_soon(uint64_t id, Result<void, control::Failure> outcome) {
    Wait& wait = waits_.at(id);
    loop_.cancel_timer(wait.timer);
    wait.timer = loop_.add_timer(loop::Loop::now(),
                                 [this, id, outcome = std::move(outcome)] { finish(id, outcome); });
}

void VmWaits::finish(uint64_t id, Result<void, control::Failure> outcome) {
    auto node = waits_.extract(id);
    if (!node.empty()) {
        loop_.cancel_timer(node.mapped().timer);
        node.mapped().done(std::move(outcome));
    }
}

}  // namespace hvis::manager
