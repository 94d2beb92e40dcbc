#include "control/json.h"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/utf16.h"

namespace hvis::control {
namespace {

/// A reference token of a JSON pointer (RFC 6901 section 3).
std::string pointer_token(std::string_view text) {
    std::string token;
    for (const char c : text) {
        if (c == '~') {
            token += "~0";
        } else if (c == '/') {
            token += "~1";
        } else {
            token += c;
        }
    }
    return token;
}

/// Builds the document while it is read, and stops at the first thing that is not allowed; the
/// library's own builder has no depth limit and lets the last of two equal keys win.
class Builder final : public nlohmann::json_sax<Json> {
public:
    explicit Builder(std::string_view text) : text_(text) {}

    bool null() override { return add(nullptr) != nullptr; }
    bool boolean(bool value) override { return add(value) != nullptr; }
    bool number_integer(number_integer_t value) override { return add(value) != nullptr; }
    bool number_unsigned(number_unsigned_t value) override { return add(value) != nullptr; }
    bool number_float(number_float_t value, const string_t&) override {
        return add(value) != nullptr;
    }
    bool string(string_t& value) override { return add(std::move(value)) != nullptr; }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(Json::object()); }
    bool start_array(std::size_t) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(string_t& name) override {
        keys_.back() = name;
        if (open_.back()->contains(name)) {
            return complain("given twice");
        }
        return true;
    }

    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        const auto read = text_.substr(0, position == 0 ? 0 : position - 1);
        const auto line = std::ranges::count(read, '\n') + 1;
        const auto column = read.size() - (read.rfind('\n') + 1) + 1;
        error_ = {.pointer = {},
                  .message = "line " + std::to_string(line) + ", column " + std::to_string(column) +
                             ": not valid JSON"};
        return false;
    }

    Json root;
    [[nodiscard]] FieldError take_error() { return std::move(error_); }

private:
    /// Puts a value where the reader is; its place stays valid until its parent is closed.
    Json* add(Json value) {
        if (open_.empty()) {
            root = std::move(value);
            return &root;
        }
        Json& parent = *open_.back();
        if (parent.is_array()) {
            parent.push_back(std::move(value));
            return &parent.back();
        }
        return &(parent[keys_.back()] = std::move(value));
    }

    bool open(Json container) {
        if (open_.size() == kMaxJsonDepth) {
            return complain("nested deeper than " + std::to_string(kMaxJsonDepth) + " levels");
        }
        open_.push_back(add(std::move(container)));
        keys_.emplace_back();
        return true;
    }

    bool close() {
        open_.pop_back();
        keys_.pop_back();
        return true;
    }

    bool complain(std::string message) {
        std::string pointer;
        for (size_t level = 0; level < open_.size(); ++level) {
            pointer += '/';
            pointer +=
                open_[level]->is_array()
                    ? std::to_string(open_[level]->size() - (level + 1 < open_.size() ? 1 : 0))
                    : pointer_token(keys_[level]);
        }
        error_ = {.pointer = std::move(pointer), .message = std::move(message)};
        return false;
    }

    std::string_view text_;
    std::vector<Json*> open_;        // objects and lists around the reader, outermost first
    std::vector<std::string> keys_;  // the key being read in each of them; unused for lists
    FieldError error_;
};

}  // namespace

std::string FieldError::to_string() const {
    return pointer.empty() ? message : escape_for_display(pointer) + ": " + message;
}

std::string child_pointer(std::string_view parent, std::string_view name) {
    return std::string(parent) + '/' + pointer_token(name);
}

Result<std::shared_ptr<const Json>, FieldError> parse_json(std::string_view text, size_t max_size) {
    if (text.size() > max_size) {
        return std::unexpected(FieldError{
            .pointer = {}, .message = "longer than " + std::to_string(max_size) + " bytes"});
    }
    Builder builder(text);
    if (!Json::sax_parse(text, &builder)) {
        return std::unexpected(builder.take_error());
    }
    return std::make_shared<const Json>(std::move(builder.root));
}

std::string dump_json(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string dump_json_indented(const Json& value) {
    return value.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hvis::control
