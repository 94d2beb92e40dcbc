#include "device/rtc/rtc.h"

#include <algorithm>

namespace hvis::device {
namespace {

// Registers of the Motorola MC146818A, and the century byte that PCs added.
enum Register : uint8_t {
    kSeconds = 0x00,
    kMinutes = 0x02,
    kHours = 0x04,
    kWeekday = 0x06,
    kDay = 0x07,
    kMonth = 0x08,
    kYear = 0x09,
    kStatusA = 0x0a,
    kStatusB = 0x0b,
    kStatusC = 0x0c,
    kStatusD = 0x0d,
    kCentury = 0x32,
};

/// 32.768 kHz time base, no update in progress: a reader never has to wait.
constexpr uint8_t kTimeBase = 0x26;
/// 24 hours; values in BCD.
constexpr uint8_t k24Hours = 0x02;
constexpr uint8_t kValid = 0x80;
/// Bit 7 of the index port masks NMIs on a PC.
constexpr uint8_t kIndexBits = 0x7f;

constexpr uint8_t bcd(unsigned value) { return static_cast<uint8_t>(value / 10 * 16 + value % 10); }

}  // namespace

void Rtc::read(uint64_t offset, MutableByteView data) {
    std::ranges::fill(data, std::byte{0xff});
    if (offset == 1) {
        const std::lock_guard lock(mutex_);
        data.front() = std::byte{read_selected()};
    }
}

void Rtc::write(uint64_t offset, ByteView data) {
    const std::lock_guard lock(mutex_);
    const auto value = std::to_integer<uint8_t>(data.front());
    if (offset == 0) {
        selected_ = value & kIndexBits;
    } else if (selected_ > kStatusD && selected_ != kCentury) {
        memory_[selected_] = value;
    }
}

void Rtc::reset() {
    const std::lock_guard lock(mutex_);
    selected_ = 0;
    memory_ = {};
}

uint8_t Rtc::read_selected() const {
    using std::chrono::days;
    const auto now = clock_();
    const auto today = std::chrono::floor<days>(now);
    const std::chrono::year_month_day date(today);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(now - today));
    const auto year = static_cast<unsigned>(std::max(0, static_cast<int>(date.year())));
    switch (selected_) {
        case kSeconds:
            return bcd(static_cast<unsigned>(time.seconds().count()));
        case kMinutes:
            return bcd(static_cast<unsigned>(time.minutes().count()));
        case kHours:
            return bcd(static_cast<unsigned>(time.hours().count()));
        case kWeekday:
            return bcd(std::chrono::weekday(today).c_encoding() + 1);
        case kDay:
            return bcd(static_cast<unsigned>(date.day()));
        case kMonth:
            return bcd(static_cast<unsigned>(date.month()));
        case kYear:
            return bcd(year % 100);
        case kCentury:
            return bcd(year / 100 % 100);
        case kStatusA:
            return kTimeBase;
        case kStatusB:
            return k24Hours;
        case kStatusC:
            return 0;
        case kStatusD:
            return kValid;
        default:
            return memory_[selected_];
    }
}

}  // namespace hvis::device
