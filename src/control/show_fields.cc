#include "control/show_fields.h"

#include <nlohmann/json.hpp>

#include "base/duration.h"

namespace hvis::control {

const Json& member_of(const Json& object, const char* name) {
    static const Json nothing;
    if (!object.is_object()) {
        return nothing;
    }
    const auto found = object.find(name);
    return found == object.end() ? nothing : *found;
}

/// Text as it is, other values as JSON, nothing for what is missing.
std::string text_of(const Json& value) {
    if (const auto* text = value.get_ptr<const std::string*>(); text != nullptr) {
        return printable(*text);
    }
    if (value.is_boolean()) {
        return value.get<bool>() ? "yes" : "no";
    }
    return value.is_null() ? std::string() : printable(dump_json(value));
}

std::string text_at(const Json& object, const char* name) {
    return text_of(member_of(object, name));
}

int64_t number_at(const Json& object, const char* name) {
    const Json& value = member_of(object, name);
    return value.is_number_integer() ? value.get<int64_t>() : 0;
}

std::string duration_at(const Json& object, const char* name) {
    return duration_text(std::chrono::milliseconds(number_at(object, name)));
}

std::string joined(const Json& list, std::string_view between) {
    std::string text;
    if (list.is_array()) {
        for (const Json& item : list) {
            text += (text.empty() ? "" : std::string(between)) + text_of(item);
        }
    }
    return text;
}

void add_row(std::vector<Row>& rows, std::string_view name, std::string value) {
    if (!value.empty()) {
        rows.push_back({std::string(name), std::move(value)});
    }
}

}  // namespace hvis::control
