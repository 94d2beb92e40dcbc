#include "manager/toml_reader.h"

#include <algorithm>
#include <charconv>

#include "base/duration.h"
#include "base/utf16.h"

namespace hvis::manager {
namespace {

std::string joined(const auto& words) {
    std::string text;
    for (const auto& word : words) {
        text += text.empty() ? "" : ", ";
        text += word;
    }
    return text;
}

/// "8G" in bytes.
std::optional<uint64_t> parse_bytes(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, text.data() + text.size());
    constexpr std::string_view kUnits = "KMGT";
    if (error != std::errc() || unit.size() > 1) {
        return std::nullopt;
    }
    const size_t place = unit.empty() ? 0 : kUnits.find(unit.front()) + 1;
    if (!unit.empty() && place == 0) {
        return std::nullopt;
    }
    const auto shift = static_cast<unsigned>(10 * place);
    return number > (uint64_t{INT64_MAX} >> shift) ? std::nullopt : std::optional(number << shift);
}

}  // namespace

TomlReader::TomlReader(Document& document, const toml::table* table, std::string prefix)
    : document_(document), table_(table), prefix_(std::move(prefix)) {}

TomlReader::~TomlReader() {
    if (table_ == nullptr) {
        return;
    }
    for (const auto& [key, node] : *table_) {
        if (!known_.contains(key.str())) {
            complain_at(node, key.str(), "unknown key; known are " + joined(known_));
        }
    }
}

const toml::node* TomlReader::take(std::string_view key) {
    known_.emplace(key);
    std::string whole = prefix_ + std::string(key);
    if (std::ranges::find(document_.keys, whole) == document_.keys.end()) {
        document_.keys.push_back(std::move(whole));
    }
    return table_ == nullptr ? nullptr : table_->get(key);
}

bool TomlReader::has(std::string_view key) const {
    return table_ != nullptr && table_->contains(key);
}

void TomlReader::complain_at(const toml::node& node, std::string_view key, std::string_view what) {
    if (document_.errors.size() == Document::kMaxErrors) {
        return;
    }
    const toml::source_position& place = node.source().begin;
    document_.errors.push_back(document_.name + ':' + std::to_string(place.line) + ':' +
                               std::to_string(place.column) + ": " + prefix_ +
                               escape_for_display(key) + ": " + std::string(what));
}

void TomlReader::complain(std::string_view key, std::string_view what) {
    if (table_ != nullptr) {
        const toml::node* node = table_->get(key);
        complain_at(node == nullptr ? *table_ : *node, key, what);
    }
}

void TomlReader::require(std::string_view key) {
    known_.emplace(key);
    if (table_ != nullptr && !table_->contains(key)) {
        complain(key, "required, but missing");
    }
}

void TomlReader::text(std::string_view key, std::string& value, size_t max_bytes) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return;
    }
    const auto text = node->value_exact<std::string>();
    if (!text || text->empty() || text->size() > max_bytes || text->contains('\0')) {
        complain_at(*node, key, "expected a text of 1.." + std::to_string(max_bytes) + " bytes");
        return;
    }
    value = *text;
}

void TomlReader::path(std::string_view key, std::string& value, size_t max_bytes) {
    std::string path;
    text(key, path, max_bytes);
    if (path.empty()) {
        return;
    }
    if (path.front() != '/') {
        complain(key, "expected an absolute path");
        return;
    }
    value = std::move(path);
}

void TomlReader::integer(std::string_view key, uint64_t& value, int64_t lowest, int64_t highest) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return;
    }
    const auto number = node->value_exact<int64_t>();
    if (!number || *number < lowest || *number > highest) {
        complain_at(
            *node, key,
            "expected a whole number " + std::to_string(lowest) + ".." + std::to_string(highest));
        return;
    }
    value = static_cast<uint64_t>(*number);
}

void TomlReader::duration(std::string_view key, std::chrono::milliseconds& value,
                          std::chrono::milliseconds lowest, std::chrono::milliseconds highest) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return;
    }
    const auto text = node->value_exact<std::string>();
    const auto duration = text ? parse_duration(*text) : std::nullopt;
    if (!duration || *duration < lowest || *duration > highest) {
        complain_at(*node, key,
                    std::string(kDurationExpected) + ", from " + duration_text(lowest) + " to " +
                        duration_text(highest));
        return;
    }
    value = *duration;
}

void TomlReader::size(std::string_view key, uint64_t& value) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return;
    }
    const auto text = node->value_exact<std::string>();
    const auto bytes = text ? parse_bytes(*text) : std::nullopt;
    if (!bytes) {
        complain_at(*node, key,
                    "expected a size such as \"512M\" or \"8G\", or \"0\" for no limit");
        return;
    }
    value = *bytes;
}

std::optional<size_t> TomlReader::choice(std::string_view key,
                                         std::span<const std::string_view> words) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return std::nullopt;
    }
    const auto text = node->value_exact<std::string>();
    const auto found = text ? std::ranges::find(words, *text) : words.end();
    if (found == words.end()) {
        complain_at(*node, key, "expected one of " + joined(words));
        return std::nullopt;
    }
    return static_cast<size_t>(found - words.begin());
}

bool TomlReader::texts(std::string_view key, std::vector<std::string>& values, size_t max_items) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return true;
    }
    const toml::array* list = node->as_array();
    if (list == nullptr || list->size() > max_items) {
        complain_at(*node, key,
                    "expected a list of at most " + std::to_string(max_items) + " texts");
        return false;
    }
    values.clear();
    for (const toml::node& item : *list) {
        const auto text = item.value_exact<std::string>();
        if (!text || text->empty() || text->contains('\0')) {
            complain_at(item, key, "expected a text in the list");
            return false;
        }
        values.push_back(*text);
    }
    return true;
}

void TomlReader::section(std::string_view key, const std::function<void(TomlReader&)>& read) {
    known_.emplace(key);
    const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
    const toml::table* inner = node == nullptr ? nullptr : node->as_table();
    if (node != nullptr && inner == nullptr) {
        complain_at(*node, key, "expected a table, [" + prefix_ + std::string(key) + "]");
    }
    TomlReader reader(document_, inner, prefix_ + std::string(key) + '.');
    read(reader);
}

void TomlReader::sections(std::string_view key, size_t max_items,
                          const std::function<void(TomlReader&, bool)>& read) {
    known_.emplace(key);
    const std::string prefix = prefix_ + std::string(key) + '.';
    const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
    const toml::array* list = node == nullptr ? nullptr : node->as_array();
    if (node != nullptr && (list == nullptr || list->size() > max_items)) {
        complain_at(*node, key,
                    "expected at most " + std::to_string(max_items) + " tables, [[" + prefix_ +
                        std::string(key) + "]]");
        list = nullptr;
    }
    if (list == nullptr || list->empty()) {
        TomlReader reader(document_, nullptr, prefix);
        read(reader, false);
        return;
    }
    for (const toml::node& item : *list) {
        if (!item.is_table()) {
            complain_at(item, key, "expected a table");
            return;
        }
        TomlReader reader(document_, item.as_table(), prefix);
        read(reader, true);
    }
}

void TomlReader::names(
    std::string_view key,
    const std::function<void(const std::string& name, const std::string& word)>& read) {
    const toml::node* node = take(key);
    if (node == nullptr) {
        return;
    }
    const toml::table* names = node->as_table();
    if (names == nullptr) {
        complain_at(*node, key, "expected a table of names, { NAME = \"viewer\" }");
        return;
    }
    for (const auto& [name, value] : *names) {
        const auto word = value.value_exact<std::string>();
        read(std::string(name.str()), word.value_or(std::string()));
    }
}

}  // namespace hvis::manager
