#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <mutex>

#include "vm/io_bus.h"

namespace hvis::device {

/// The time-of-day part of an MC146818 clock, always at the host's UTC: a guest starts with the
/// right wall clock. It cannot be set, has no alarm and no interrupt. It runs on while the machine
/// is paused, as the battery-backed clock of a real one: the time of day has moved on.
class Rtc : public vm::IoHandler {
public:
    using Clock = std::function<std::chrono::system_clock::time_point()>;

    explicit Rtc(Clock clock) : clock_(std::move(clock)) {}

    void read(uint64_t offset, MutableByteView data) override;
    void write(uint64_t offset, ByteView data) override;
    void reset() override;

private:
    [[nodiscard]] uint8_t read_selected() const;

    Clock clock_;
    std::mutex mutex_;  // guards the two below; held for one register access
    uint8_t selected_ = 0;
    std::array<uint8_t, 128> memory_{};
};

}  // namespace hvis::device
