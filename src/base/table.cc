#include "base/table.h"

#include <algorithm>

#include "base/utf16.h"

namespace hvis {
namespace {

/// Code points, which is close enough to columns.
size_t width_of(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace

std::string table_text(const std::vector<Row>& rows) {
    std::vector<size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (size_t column = 0; column < row.size(); ++column) {
            widths[column] = std::max(widths[column], width_of(row[column]));
        }
    }
    std::string text;
    for (const Row& row : rows) {
        std::string line;
        for (size_t column = 0; column < row.size(); ++column) {
            line += row[column];
            line.append(widths[column] - width_of(row[column]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string printable(std::string_view text) {
    std::string escaped = escape_for_display(text);
    // Doubled backslashes are no reason to show the text in another form than it has.
    const auto backslashes = std::ranges::count(text, '\\');
    const bool clean = escaped.size() == text.size() + static_cast<size_t>(backslashes);
    return clean ? std::string(text) : escaped;
}

}  // namespace hvis
