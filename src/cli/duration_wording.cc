#include "cli/duration_wording.h"

#include <charconv>
#include <cstdint>

#include "base/duration.h"

namespace hvis::cli {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kInteger = "integer ";
constexpr std::string_view kTo = "..";

/// The number at the front, as a duration; one that is too long for a time stays as it is.
std::string take_duration(std::string_view& message) {
    const std::string_view digits = message.substr(0, message.find_first_not_of(kDigits));
    message.remove_prefix(digits.size());
    int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() ? typed_duration(std::chrono::milliseconds(number))
                                : std::string(digits);
}

}  // namespace

std::string with_durations(std::string_view message) {
    std::string text;
    while (!message.empty()) {
        if (kDigits.contains(message.front())) {
            text += take_duration(message);
        } else if (message.starts_with(kInteger)) {
            message.remove_prefix(kInteger.size());
        } else if (message.starts_with(kTo)) {
            text += " to ";
            message.remove_prefix(kTo.size());
        } else {
            text += message.front();
            message.remove_prefix(1);
        }
    }
    return text;
}

}  // namespace hvis::cli
