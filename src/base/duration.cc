#include "base/duration.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

namespace hvis {
namespace {

struct Unit {
    std::string_view name;   // as typed
    std::string_view shown;  // as shown
    int64_t milliseconds;
};
constexpr std::array<Unit, 5> kUnits = {{{"d", " d", 86'400'000},
                                         {"h", " h", 3'600'000},
                                         {"m", " min", 60'000},
                                         {"s", " s", 1000},
                                         {"ms", " ms", 1}}};

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    for (const Unit& unit : kUnits) {
        if (unit.name == text) {
            const int64_t most = std::numeric_limits<int64_t>::max() / unit.milliseconds;
            if (std::cmp_greater(number, most)) {
                return std::nullopt;
            }
            return std::chrono::milliseconds(static_cast<int64_t>(number) * unit.milliseconds);
        }
    }
    return std::nullopt;
}

std::string typed_duration(std::chrono::milliseconds duration) {
    const int64_t left = duration.count();
    for (const Unit& unit : kUnits) {
        if (left != 0 && left % unit.milliseconds == 0) {
            return std::to_string(left / unit.milliseconds) + std::string(unit.name);
        }
    }
    return "0s";
}

std::string duration_text(std::chrono::milliseconds duration) {
    int64_t left = duration.count();
    std::string text;
    for (const Unit& unit : kUnits) {
        const int64_t count = left / unit.milliseconds;
        if (count == 0 || (unit.milliseconds == 1 && !text.empty())) {
            if (!text.empty()) {
                break;
            }
            continue;
        }
        const bool second = !text.empty();
        text += (second ? " " : "") + std::to_string(count) + std::string(unit.shown);
        left -= count * unit.milliseconds;
        if (second) {
            break;
        }
    }
    return text.empty() ? "0 s" : text;
}

}  // namespace hvis
