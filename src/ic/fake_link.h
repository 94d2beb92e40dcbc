#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "ic/guest_service.h"
#include "ic/host_service.h"

namespace hvis::ic {

/// A channel for tests: joins a host half to a guest half, and owns the time.
class FakeLink {
public:
    using Clock = std::chrono::steady_clock;

    FakeLink(HostService& host, GuestService& guest) : host_(host), guest_(&guest) {}

    [[nodiscard]] Clocks clocks() const {
        const auto ticks =
            static_cast<uint64_t>(std::chrono::duration_cast<Ticks>(elapsed_).count());
        return {.now = TimePoint(std::chrono::hours(100)) + elapsed_,
                .wall = {kWallStart + ticks},
                .reference = kReferenceStart + ticks};
    }

    void open() {
        host_.channel_opened(clocks());
        pump();
    }
    void close() {
        guest_->channel_closed();
        held_.clear();
        host_.channel_closed(clocks());
    }
    /// The guest overwrites its rings: whatever was in them is lost.
    void break_rings() {
        guest_->channel_closed();
        held_.clear();
        host_.channel_broken(clocks());
    }

    /// Carries packets both ways until nobody has anything to say.
    void pump() {
        while (auto packet = host_.next_packet(clocks())) {
            sent_.push_back(*packet);
            held_.push_back(std::move(*packet));
        }
        if (silent_) {
            return;
        }
        while (!held_.empty()) {
            const Bytes packet = held_.front();
            held_.erase(held_.begin());
            deliver(packet);
        }
    }

    /// Lets time go by; timers fire at their moment, answers take no time.
    void advance(Duration duration) {
        const Duration target = elapsed_ + duration;
        pump();
        for (auto due = host_.next_deadline(); due; due = host_.next_deadline()) {
            const Duration at = std::max(elapsed_, *due - TimePoint(std::chrono::hours(100)));
            if (at > target) {
                break;
            }
            elapsed_ = at;
            host_.timer_fired(clocks());
            pump();
        }
        elapsed_ = target;
        pump();
    }
    /// Lets time go by while the host itself does nothing; its timer fires once, late.
    void stall(Duration duration) {
        elapsed_ += duration;
        host_.timer_fired(clocks());
        pump();
    }

    void pause() { host_.paused(clocks()); }
    void resume() {
        host_.resumed(clocks());
        pump();
    }

    /// A silent guest leaves what it gets in the ring; a speaking one answers it all.
    void set_silent(bool silent) {
        silent_ = silent;
        pump();
    }
    /// What a silent guest has not read; a test may take some away.
    std::vector<Bytes>& held() { return held_; }
    /// Everything that the host sent.
    [[nodiscard]] const std::vector<Bytes>& sent() const { return sent_; }
    /// Every answer of the guest, as it was delivered.
    [[nodiscard]] const std::vector<Bytes>& answers() const { return answers_; }
    /// Hands the host bytes that no guest half made.
    Result<void> inject(ByteView packet) { return host_.packet_received(packet, clocks()); }

    static constexpr uint64_t kWallStart = 133'500'000'000'000'000;
    static constexpr uint64_t kReferenceStart = 5'000'000;

private:
    void deliver(const Bytes& packet) {
        auto reply = guest_->packet_received(packet, clocks());
        if (reply && *reply) {
            answers_.push_back(**reply);
            (void)host_.packet_received(answers_.back(), clocks());
            while (auto next = host_.next_packet(clocks())) {
                sent_.push_back(*next);
                held_.push_back(std::move(*next));
            }
        }
    }

    HostService& host_;
    GuestService* guest_;
    Duration elapsed_{};
    bool silent_ = false;
    std::vector<Bytes> held_;
    std::vector<Bytes> sent_;
    std::vector<Bytes> answers_;
};

}  // namespace hvis::ic
