#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "control/json.h"

namespace hvis::control {

/// Bounds of an integer field, both included.
struct Bounds {
    int64_t lowest;
    int64_t highest;
};

/// Takes the fields of one JSON object one by one and remembers the first thing that is wrong.
///
/// Every getter says nothing (or `fallback`) when the field is absent or bad; finish() then tells
/// which field it was, and complains about fields that nobody asked for. The object must outlive
/// the reader. One thread.
class FieldReader {
public:
    /// `pointer` is the object's own place, put before the names of its fields.
    explicit FieldReader(const Json& object, std::string pointer = {});

    [[nodiscard]] bool has(std::string_view name) const;
    std::optional<bool> boolean(std::string_view name);
    std::optional<int64_t> integer(std::string_view name, Bounds bounds);
    /// Text of at most `max_bytes` without NUL.
    std::optional<std::string> text(std::string_view name, size_t max_bytes);
    /// The index of the text in `words`.
    std::optional<size_t> choice(std::string_view name, std::span<const std::string_view> words);
    /// A nested object or list; nullptr when absent or bad. Its pointer is place(name).
    const Json* object(std::string_view name);
    const Json* list(std::string_view name, size_t max_items);
    /// Any value, for fields of more than one type.
    const Json* any(std::string_view name);

    /// Complains if the field is absent.
    void require(std::string_view name);
    /// Complains about the field; the first complaint counts.
    void complain(std::string_view name, std::string message);
    /// Takes over a complaint about something nested.
    void complain(FieldError error);
    [[nodiscard]] std::string place(std::string_view name) const;
    /// Whether a complaint has been made already.
    [[nodiscard]] bool bad() const { return error_.has_value(); }

    /// The first complaint, or an unknown field, or nothing.
    Result<void, FieldError> finish();

private:
    const Json* take(std::string_view name);

    const Json& object_;
    std::string pointer_;
    std::set<std::string, std::less<>> known_;
    std::optional<FieldError> error_;
};

}  // namespace hvis::control
