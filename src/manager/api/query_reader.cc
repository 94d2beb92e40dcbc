#include "manager/api/query_reader.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/utf16.h"
#include "manager/api/problem.h"

namespace hvis::manager {
namespace {

constexpr std::array<std::string_view, 2> kBooleans = {"false", "true"};

}  // namespace

QueryReader::QueryReader(const Query& query) : query_(query) {
    std::set<std::string_view> seen;
    for (const auto& [name, value] : query_) {
        if (!seen.insert(name).second) {
            complain(name, "given twice");
        }
    }
}

std::optional<std::string> QueryReader::text(std::string_view name) {
    known_.emplace(name);
    const auto found =
        std::ranges::find(query_, name, [](const auto& parameter) { return parameter.first; });
    return found == query_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<int64_t> QueryReader::integer(std::string_view name, control::Bounds bounds) {
    const auto value = text(name);
    if (!value) {
        return std::nullopt;
    }
    int64_t number = 0;
    const char* end = value->data() + value->size();
    const auto [rest, error] = std::from_chars(value->data(), end, number);
    if (error != std::errc() || rest != end || number < bounds.lowest || number > bounds.highest) {
        complain(name, fmt::format("expected integer {}..{}", bounds.lowest, bounds.highest));
        return std::nullopt;
    }
    return number;
}

std::optional<size_t> QueryReader::choice(std::string_view name,
                                          std::span<const std::string_view> words) {
    const auto value = text(name);
    if (!value) {
        return std::nullopt;
    }
    const auto found = std::ranges::find(words, std::string_view(*value));
    if (found == words.end()) {
        complain(name, fmt::format("expected one of {}", fmt::join(words, ", ")));
        return std::nullopt;
    }
    return static_cast<size_t>(found - words.begin());
}

std::optional<bool> QueryReader::boolean(std::string_view name) {
    const auto index = choice(name, kBooleans);
    return index ? std::optional(*index == 1) : std::nullopt;
}

void QueryReader::complain(std::string_view name, std::string_view message) {
    if (!failure_) {
        failure_ = control::make_failure(
            control::ErrorCode::kUsage,
            fmt::format("parameter {}: {}", escape_for_display(std::string(name)), message),
            "GET /api/v1/openapi.yaml has the parameters of every path");
        failure_->pointer = kParameterMark + std::string(name);
    }
}

Result<void, control::Failure> QueryReader::finish() {
    for (const auto& [name, value] : query_) {
        if (!known_.contains(name)) {
            complain(name, "unknown");
        }
    }
    if (failure_) {
        return std::unexpected(*failure_);
    }
    return {};
}

}  // namespace hvis::manager
