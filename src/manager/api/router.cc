#include "manager/api/router.h"

#include <optional>
#include <set>

namespace hvis::manager {
namespace {

using Names = std::map<std::string, std::string, std::less<>>;

bool is_name(std::string_view segment) { return segment.starts_with('{'); }

std::optional<Names> match(const std::vector<std::string_view>& pattern,
                           const std::vector<std::string>& segments) {
    if (pattern.size() != segments.size()) {
        return std::nullopt;
    }
    Names names;
    for (size_t index = 0; index < pattern.size(); ++index) {
        if (!is_name(pattern[index])) {
            if (pattern[index] != segments[index]) {
                return std::nullopt;
            }
            continue;
        }
        if (segments[index].empty()) {
            return std::nullopt;
        }
        names.emplace(pattern[index].substr(1, pattern[index].size() - 2), segments[index]);
    }
    return names;
}

std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        path.remove_prefix(1);
        const size_t end = path.find('/');
        segments.push_back(path.substr(0, end));
        path = end == std::string_view::npos ? std::string_view() : path.substr(end);
    }
    return segments;
}

std::string allow_field(const std::set<Method>& methods) {
    std::string text;
    for (const Method method : methods) {
        text += (text.empty() ? "" : ", ") + std::string(to_string(method));
    }
    return text;
}

}  // namespace

Router::Router(std::span<const Route> routes) {
    for (const Route& route : routes) {
        entries_.push_back({.route = &route, .segments = split(route.path)});
    }
}

Router::Match Router::find(Method method, const std::vector<std::string>& segments) const {
    const Method wanted = method == Method::kHead ? Method::kGet : method;
    size_t fewest = SIZE_MAX;
    Match best;
    std::set<Method> methods;
    for (const Entry& entry : entries_) {
        auto names = match(entry.segments, segments);
        if (!names) {
            continue;
        }
        methods.insert({entry.route->method, Method::kOptions});
        if (entry.route->method == Method::kGet) {
            methods.insert(Method::kHead);
        }
        if (entry.route->method == wanted && names->size() < fewest) {
            fewest = names->size();
            best.route = entry.route;
            best.names = *std::move(names);
        }
    }
    best.allowed = allow_field(methods);
    return best;
}

}  // namespace hvis::manager
