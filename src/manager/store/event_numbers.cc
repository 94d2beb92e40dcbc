#include "manager/store/event_numbers.h"

#include <charconv>

namespace hvis::manager {
namespace {

/// "20000 BOOT"
constexpr const char* kMarkSetting = "events.reserved";

}  // namespace

Result<void, Failure> EventNumbers::begin() {
    const auto text = HVIS_TRY(settings_.load(kMarkSetting));
    if (!text) {
        return {};
    }
    const char* const end = text->data() + text->size();
    const auto read = std::from_chars(text->data(), end, mark_);
    const std::string boot = read.ptr == end ? std::string() : std::string(read.ptr + 1, end);
    // After an end in good order the mark is the last number itself.
    lost_power_ = (boot != boot_ || boot_.empty()) && mark_ > HVIS_TRY(events_.last());
    return {};
}

Result<bool, Failure> EventNumbers::runs_out(uint64_t count) {
    return lost_power_ || HVIS_TRY(events_.last()) + count > mark_;
}

Result<void, Failure> EventNumbers::reserve(uint64_t count) {
    if (lost_power_) {
        HVIS_CHECK(events_.go_on_behind(mark_));
    }
    wanted_ = HVIS_TRY(events_.last()) + count + kBlock;
    return save(wanted_);
}

void EventNumbers::reserved() {
    mark_ = wanted_;
    lost_power_ = false;
}

Result<void, Failure> EventNumbers::settle() {
    const uint64_t last = HVIS_TRY(events_.last());
    return last < mark_ && !lost_power_ ? save(last) : Result<void, Failure>();
}

Result<void, Failure> EventNumbers::save(uint64_t mark) {
    return settings_.save(kMarkSetting, std::to_string(mark) + " " + boot_);
}

}  // namespace hvis::manager
