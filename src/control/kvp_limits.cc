#include "control/kvp_limits.h"

#include "base/utf16.h"

namespace hvis::control {

std::string units_complaint(std::string_view text, const TextLimits& limits) {
    const auto utf16 = to_utf16le(text);
    const size_t units = utf16 ? (utf16->size() / 2) - 1 : 0;
    if (!utf16 || units < limits.lowest || units > limits.units) {
        return "expected text of " + std::to_string(limits.lowest) + ".." +
               std::to_string(limits.units) + " UTF-16 units without NUL";
    }
    if (text.size() > limits.bytes) {
        return "expected at most " + std::to_string(limits.bytes) +
               " bytes of UTF-8: a guest on Linux keeps no more";
    }
    return {};
}

std::optional<std::string> read_units(FieldReader& reader, std::string_view name,
                                      const TextLimits& limits) {
    reader.require(name);
    auto text = reader.text(name, limits.units * 3);
    if (!text) {
        return std::nullopt;
    }
    if (auto complaint = units_complaint(*text, limits); !complaint.empty()) {
        reader.complain(name, std::move(complaint));
        return std::nullopt;
    }
    return text;
}

}  // namespace hvis::control
