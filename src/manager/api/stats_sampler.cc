#include "manager/api/stats_sampler.h"

#include <algorithm>

namespace hvis::manager {

StatsSampler::StatsSampler(loop::Loop& loop, Source source)
    : loop_(loop), source_(std::move(source)) {}

StatsSampler::~StatsSampler() { loop_.cancel_timer(timer_); }

const std::map<Guid, StatsSampler::Sample>& StatsSampler::take(TimePoint now) {
    last_taken_ = now;
    if (timer_ == 0) {
        begin_round();
        tick();
    }
    return *samples_;
}

void StatsSampler::begin_round() {
    round_ = source_.running();
    std::ranges::sort(round_);
    next_ = 0;
    constexpr auto kTicks = static_cast<size_t>(kRound / kTick);
    each_tick_ = (round_.size() + kTicks - 1) / kTicks;
    round_end_ = loop::Loop::now() + kRound;
    std::erase_if(*samples_, [this](const auto& sample) {
        return !std::ranges::binary_search(round_, sample.first);
    });
}

void StatsSampler::tick() {
    const TimePoint now = loop::Loop::now();
    timer_ = 0;
    if (now - last_taken_ >= kRestAfter) {
        samples_->clear();
        return;
    }
    if (now >= round_end_) {
        begin_round();
    }
    for (size_t count = 0; count < each_tick_ && next_ < round_.size(); ++count) {
        ask_next();
    }
    // A round that is through waits for the next one.
    timer_ = loop_.add_timer(next_ < round_.size() ? now + kTick : round_end_, [this] { tick(); });
}

void StatsSampler::ask_next() {
    const Guid vm = round_[next_++];
    source_.ask(vm, [vm, weak = std::weak_ptr(samples_)](Result<Stats, control::Failure> stats) {
        if (const auto samples = weak.lock(); samples && stats) {
            (*samples)[vm] = {.stats = *std::move(stats), .at = loop::Loop::now()};
        }
    });
}

}  // namespace hvis::manager
