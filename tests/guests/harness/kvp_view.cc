#include "harness/kvp_view.h"

#include <algorithm>
#include <sstream>

namespace hvis::guests {
namespace {

std::string file_of(int pool) { return "/var/lib/hyperv/.kvp_pool_" + std::to_string(pool); }

std::string to_hex(std::string_view bytes) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text += kDigits[value >> 4];
        text += kDigits[value & 15];
    }
    return text;
}

std::string from_hex(const std::string& text) {
    std::string bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

}  // namespace

Pairs records(Guest& guest, int pool) {
    std::istringstream lines(guest.output("probe pool " + file_of(pool)));
    Pairs pairs;
    for (std::string line; std::getline(lines, line);) {
        const size_t space = line.find(' ');
        pairs.emplace_back(from_hex(line.substr(0, space)), from_hex(line.substr(space + 1)));
    }
    return pairs;
}

void append_record(Guest& guest, int pool, std::string_view key, std::string_view value) {
    (void)guest.output("probe pool-add " + file_of(pool) + " '" + to_hex(key) + "' '" +
                       to_hex(value) + "'");
}

void clear_records(Guest& guest, int pool) { (void)guest.output(": > " + file_of(pool)); }

std::optional<std::string> value_of(const Pairs& pairs, std::string_view key) {
    const auto found = std::ranges::find(pairs, key, &Pairs::value_type::first);
    return found == pairs.end() ? std::nullopt : std::optional(found->second);
}

bool same_pairs(Pairs left, Pairs right) {
    std::ranges::sort(left);
    std::ranges::sort(right);
    return left == right;
}

}  // namespace hvis::guests
