#include "vmbus/channel_state.h"

#include <type_traits>

namespace hvis::vmbus {
namespace {

template <ChannelPhase phase, class State>
constexpr bool kIs =
    std::is_same_v<std::variant_alternative_t<static_cast<size_t>(phase), ChannelState>, State>;
static_assert(kIs<ChannelPhase::kUnoffered, Unoffered> && kIs<ChannelPhase::kOffered, Offered> &&
              kIs<ChannelPhase::kOpening, Opening> && kIs<ChannelPhase::kOpen, Open> &&
              kIs<ChannelPhase::kClosing, Closing> && kIs<ChannelPhase::kReopening, Reopening> &&
              kIs<ChannelPhase::kRescinded, Rescinded> &&
              kIs<ChannelPhase::kRescindedClosing, RescindedClosing> &&
              kIs<ChannelPhase::kRescindHeld, RescindHeld> &&
              kIs<ChannelPhase::kReleasedClosing, ReleasedClosing> &&
              kIs<ChannelPhase::kReleased, Released>);

}  // namespace

bool device_is_attached(ChannelPhase phase) {
    switch (phase) {
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
        case ChannelPhase::kClosing:
        case ChannelPhase::kReopening:
        case ChannelPhase::kRescindedClosing:
        case ChannelPhase::kReleasedClosing:
            return true;
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kOffered:
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindHeld:
        case ChannelPhase::kReleased:
            break;
    }
    return false;
}

bool guest_knows(ChannelPhase phase) {
    switch (phase) {
        case ChannelPhase::kOffered:
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
        case ChannelPhase::kClosing:
        case ChannelPhase::kReopening:
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindedClosing:
        case ChannelPhase::kRescindHeld:
        case ChannelPhase::kReleasedClosing:
            return true;
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kReleased:
            break;
    }
    return false;
}

bool accepts_gpadls(ChannelPhase phase) {
    switch (phase) {
        case ChannelPhase::kOffered:
        case ChannelPhase::kOpening:
        case ChannelPhase::kOpen:
        case ChannelPhase::kClosing:
        case ChannelPhase::kReopening:
            return true;
        case ChannelPhase::kUnoffered:
        case ChannelPhase::kRescinded:
        case ChannelPhase::kRescindedClosing:
        case ChannelPhase::kRescindHeld:
        case ChannelPhase::kReleasedClosing:
        case ChannelPhase::kReleased:
            break;
    }
    return false;
}

std::string_view to_string(ChannelPhase phase) {
    switch (phase) {
        case ChannelPhase::kUnoffered:
            return "unoffered";
        case ChannelPhase::kOffered:
            return "offered";
        case ChannelPhase::kOpening:
            return "opening";
        case ChannelPhase::kOpen:
            return "open";
        case ChannelPhase::kClosing:
            return "closing";
        case ChannelPhase::kReopening:
            return "reopening";
        case ChannelPhase::kRescinded:
            return "rescinded";
        case ChannelPhase::kRescindedClosing:
            return "rescinded_closing";
        case ChannelPhase::kRescindHeld:
            return "rescind_held";
        case ChannelPhase::kReleasedClosing:
            return "released_closing";
        case ChannelPhase::kReleased:
            return "released";
    }
    return "unknown";
}

}  // namespace hvis::vmbus
