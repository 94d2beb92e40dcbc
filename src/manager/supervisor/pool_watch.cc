#include "manager/supervisor/pool_watch.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "manager/supervisor/live_settings.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Failure;
using control::Json;

std::string text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

PoolWatch::PoolWatch(loop::Loop& loop, Supervisor& supervisor, const Guid& vm, control::Pool pool,
                     Callbacks callbacks)
    : loop_(loop),
      supervisor_(supervisor),
      vm_(vm),
      pool_(pool),
      callbacks_(std::move(callbacks)) {}

PoolWatch::~PoolWatch() {
    supervisor_.unwatch(watcher_);
    unfollow();
}

void PoolWatch::begin() {
    watcher_ = supervisor_.watch([this](const Guid& vm) {
        if (vm == vm_) {
            look();
        }
    });
    look();
}

void PoolWatch::look() {
    if (const auto failure = obstacle()) {
        unfollow();
        failure->code == ErrorCode::kNotFound ? callbacks_.deleted(*failure)
                                              : unavailable(*failure);
    } else if (following_ == nullptr && timer_ == 0) {
        follow();
    }
}

std::optional<Failure> PoolWatch::obstacle() const {
    const auto summary = supervisor_.summary(vm_);
    if (!summary) {
        return control::make_failure(ErrorCode::kNotFound, "the VM was deleted");
    }
    const Json* kvp =
        summary->status != nullptr ? service_in(*summary->status, control::Service::kKvp) : nullptr;
    if (kvp == nullptr) {
        return control::make_failure(ErrorCode::kUnavailable,
                                     "the VM is not running: it is " + summary->state,
                                     "what changes is told once it runs");
    }
    if (text_of(*kvp, "primary") != "ok") {
        return control::make_failure(ErrorCode::kUnavailable,
                                     "the guest cannot be asked: " + text_of(*kvp, "explanation"));
    }
    if (!summary->pairs_settled) {
        // Else the held pairs of a guest that is new would be told as removed, and then as set.
        return control::make_failure(ErrorCode::kUnavailable,
                                     "the pairs that the host holds are being set in the guest");
    }
    return std::nullopt;
}

void PoolWatch::follow() {
    following_ = std::make_shared<int>(0);
    const std::weak_ptr<int> interest = following_;
    request_ = supervisor_.follow(
        vm_, control::encode_command(control::KvpWatchCommand{.pool = pool_, .initial = true}),
        [this, interest](const Json& notice) {
            if (!interest.expired()) {
                told(notice);
            }
        },
        [this, interest](Result<std::shared_ptr<const Json>, Failure> answer) {
            if (!interest.expired()) {
                ended(answer ? control::make_failure(ErrorCode::kFailed,
                                                     "the worker has ended the watch")
                             : answer.error());
            }
        });
}

void PoolWatch::unfollow() {
    loop_.cancel_timer(std::exchange(timer_, 0));
    gathered_.reset();
    if (std::exchange(following_, nullptr) != nullptr) {
        supervisor_.cancel(request_);
    }
}

void PoolWatch::told(const Json& notice) {
    if (const auto watching = notice.find("watching"); watching != notice.end()) {
        const auto count = watching->find("pairs");
        expected_ =
            count != watching->end() && count->is_number_unsigned() ? count->get<uint64_t>() : 0;
        gathered_.emplace();
        if (expected_ == 0) {
            whole();
            return;
        }
        wait_for_rest();
    } else if (const auto change = notice.find("change"); change != notice.end()) {
        changed(*change);
    }
}

void PoolWatch::changed(const Json& change) {
    const std::string key = text_of(change, "key");
    const bool there = change.contains("value");
    const std::string value = text_of(change, "value");
    if (gathered_) {
        there ? (void)gathered_->insert_or_assign(key, value) : (void)gathered_->erase(key);
        if (--expected_ == 0) {
            whole();
        } else {
            wait_for_rest();
        }
        return;
    }
    const auto before = pairs_.find(key);
    if (there && (before == pairs_.end() || before->second != value)) {
        pairs_[key] = value;
        callbacks_.set(key, value);
    } else if (!there && before != pairs_.end()) {
        pairs_.erase(before);
        callbacks_.removed(key);
    }
}

void PoolWatch::wait_for_rest() {
    loop_.cancel_timer(timer_);
    timer_ = loop_.add_timer(loop::Loop::now() + kSilence, [this] { whole(); });
}

void PoolWatch::whole() {
    loop_.cancel_timer(std::exchange(timer_, 0));
    const Pairs now = *std::exchange(gathered_, std::nullopt);
    const Pairs before = std::exchange(pairs_, now);
    for (const auto& [key, value] : now) {
        const auto old = before.find(key);
        if (old == before.end() || old->second != value) {
            callbacks_.set(key, value);
        }
    }
    for (const auto& [key, value] : before) {
        if (!now.contains(key)) {
            callbacks_.removed(key);
        }
    }
    if (std::exchange(told_, Told::kReady) != Told::kReady) {
        callbacks_.ready();
    }
}

void PoolWatch::ended(const Failure& failure) {
    following_.reset();
    unfollow();
    unavailable(failure);
    timer_ = loop_.add_timer(loop::Loop::now() + kRetry, [this] {
        timer_ = 0;
        look();
    });
}

void PoolWatch::unavailable(const Failure& failure) {
    if (std::exchange(told_, Told::kUnavailable) != Told::kUnavailable) {
        callbacks_.unavailable(failure);
    }
}

}  // namespace hvis::manager
