#include "device/power/power.h"

#include <algorithm>
#include <cstring>

#include "vm/ports.h"

namespace hvis::device {
namespace {

constexpr uint64_t kSleepControl = vm::kSleepControlPort - vm::kPowerPort;
constexpr uint64_t kReset = vm::kResetPort - vm::kPowerPort;
constexpr uint64_t kTimer = vm::kPmTimerPort - vm::kPowerPort;

// ACPI 6.5, 4.8.3.6: SLP_TYPx in bits 2..4, SLP_EN in bit 5.
constexpr unsigned kSleepTypeShift = 2;
constexpr unsigned kSleepTypeMask = 7;
constexpr unsigned kSleepEnable = 1U << 5;

/// ACPI 6.5, 4.8.3.3.
using TimerTicks = std::chrono::duration<uint64_t, std::ratio<1, 3'579'545>>;

}  // namespace

Power::Power(StopRequest request_stop, Clock clock)
    : request_stop_(std::move(request_stop)), clock_(std::move(clock)), started_(clock_()) {}

uint32_t Power::timer_ticks() const {
    // Seconds and the rest apart: nanoseconds times the frequency would overflow within hours.
    const auto elapsed = clock_() - started_;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(elapsed);
    const auto whole = static_cast<uint64_t>(seconds.count()) * TimerTicks::period::den;
    return static_cast<uint32_t>(whole +
                                 std::chrono::duration_cast<TimerTicks>(elapsed - seconds).count());
}

void Power::read(uint64_t offset, MutableByteView data) {
    std::ranges::fill(data, std::byte{0});
    if (offset >= kTimer && offset + data.size() <= kTimer + sizeof(uint32_t)) {
        const uint32_t ticks = timer_ticks() >> ((offset - kTimer) * 8);
        std::memcpy(data.data(), &ticks, data.size());
    }
}

void Power::write(uint64_t offset, ByteView data) {
    if (data.size() != 1) {
        return;
    }
    const auto value = std::to_integer<unsigned>(data.front());
    if (offset == kReset && value == vm::kResetValue) {
        request_stop_(vm::StopReason::kReset);
    } else if (offset == kSleepControl && (value & kSleepEnable) != 0) {
        const unsigned type = (value >> kSleepTypeShift) & kSleepTypeMask;
        if (type == vm::kSleepTypeSoftOff || type == vm::kSleepTypeHibernate) {
            request_stop_(vm::StopReason::kPowerOff);
        }
    }
}

}  // namespace hvis::device
