#include "control/kvp_limits.h"

#include "base/utf16.h"

namespace hvis::control {

std::string units_complaint(std::string_view text, size_t lowest, size_t highest) {
    const auto utf16 = to_utf16le(text);
    const size_t units = utf16 ? (utf16->size() / 2) - 1 : 0;
    if (utf16 && units >= lowest && units <= highest) {
        return {};
    }
    return "expected text of " + std::to_string(lowest) + ".." + std::to_string(highest) +
           " UTF-16 units without NUL";
}

std::optional<std::string> read_units(FieldReader& reader, std::string_view name, size_t lowest,
                                      size_t highest) {
    reader.require(name);
    auto text = reader.text(name, highest * 3);
    if (!text) {
        return std::nullopt;
    }
    if (auto complaint = units_complaint(*text, lowest, highest); !complaint.empty()) {
        reader.complain(name, std::move(complaint));
        return std::nullopt;
    }
    return text;
}

}  // namespace hvis::control
