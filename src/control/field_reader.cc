#include "control/field_reader.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

std::string joined(const auto& words) {
    std::string text;
    for (const auto& word : words) {
        text += text.empty() ? "" : ", ";
        text += word;
    }
    return text;
}

}  // namespace

FieldReader::FieldReader(const Json& object, std::string pointer)
    : object_(object), pointer_(std::move(pointer)) {
    if (!object_.is_object()) {
        error_ = FieldError{.pointer = pointer_, .message = "expected object"};
    }
}

bool FieldReader::has(std::string_view name) const {
    return object_.is_object() && object_.contains(name);
}

std::string FieldReader::place(std::string_view name) const {
    return child_pointer(pointer_, name);
}

const Json* FieldReader::take(std::string_view name) {
    known_.emplace(name);
    if (!object_.is_object()) {
        return nullptr;
    }
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
}

std::optional<bool> FieldReader::boolean(std::string_view name) {
    const Json* value = take(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_boolean()) {
        complain(name, "expected true or false");
        return std::nullopt;
    }
    return value->get<bool>();
}

std::optional<int64_t> FieldReader::integer(std::string_view name, Bounds bounds) {
    const Json* value = take(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    const bool fits = value->is_number_unsigned() ? std::in_range<int64_t>(value->get<uint64_t>())
                                                  : value->is_number_integer();
    if (fits) {
        const auto number = value->get<int64_t>();
        if (number >= bounds.lowest && number <= bounds.highest) {
            return number;
        }
    }
    complain(name, "expected integer " + std::to_string(bounds.lowest) + ".." +
                       std::to_string(bounds.highest));
    return std::nullopt;
}

std::optional<std::string> FieldReader::text(std::string_view name, size_t max_bytes) {
    const Json* value = take(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    const auto* text = value->get_ptr<const std::string*>();
    if (text == nullptr) {
        complain(name, "expected text");
        return std::nullopt;
    }
    if (text->size() > max_bytes) {
        complain(name, "longer than " + std::to_string(max_bytes) + " bytes");
        return std::nullopt;
    }
    if (text->contains('\0')) {
        complain(name, "contains a NUL character");
        return std::nullopt;
    }
    return *text;
}

std::optional<size_t> FieldReader::choice(std::string_view name,
                                          std::span<const std::string_view> words) {
    const Json* value = take(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (const auto* text = value->get_ptr<const std::string*>(); text != nullptr) {
        const auto found = std::ranges::find(words, *text);
        if (found != words.end()) {
            return static_cast<size_t>(found - words.begin());
        }
    }
    complain(name, "expected one of " + joined(words));
    return std::nullopt;
}

const Json* FieldReader::object(std::string_view name) {
    const Json* value = take(name);
    if (value != nullptr && !value->is_object()) {
        complain(name, "expected object");
        return nullptr;
    }
    return value;
}

const Json* FieldReader::list(std::string_view name, size_t max_items) {
    const Json* value = take(name);
    if (value == nullptr) {
        return nullptr;
    }
    if (!value->is_array() || value->size() > max_items) {
        complain(name, "expected list of at most " + std::to_string(max_items) + " items");
        return nullptr;
    }
    return value;
}

const Json* FieldReader::any(std::string_view name) { return take(name); }

void FieldReader::require(std::string_view name) {
    known_.emplace(name);
    if (object_.is_object() && !object_.contains(name)) {
        complain(name, "required, but missing");
    }
}

void FieldReader::complain(std::string_view name, std::string message) {
    complain(FieldError{.pointer = place(name), .message = std::move(message)});
}

void FieldReader::complain(FieldError error) {
    if (!error_) {
        error_ = std::move(error);
    }
}

Result<void, FieldError> FieldReader::finish() {
    if (!error_) {
        for (const auto& [name, value] : object_.items()) {
            if (!known_.contains(name)) {
                complain(name, known_.empty() ? "unknown field; none is allowed here"
                                              : "unknown field; known are " + joined(known_));
                break;
            }
        }
    }
    if (error_) {
        return std::unexpected(*error_);
    }
    return {};
}

}  // namespace hvis::control
