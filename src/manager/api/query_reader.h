#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/failure.h"
#include "control/field_reader.h"
#include "manager/api/uri.h"

namespace hvis::manager {

/// Takes the parameters of a query one by one and remembers the first thing that is wrong, as
/// control::FieldReader does for bodies. The query must outlive it.
class QueryReader {
public:
    explicit QueryReader(const Query& query);

    std::optional<std::string> text(std::string_view name);
    std::optional<int64_t> integer(std::string_view name, control::Bounds bounds);
    std::optional<size_t> choice(std::string_view name, std::span<const std::string_view> words);
    std::optional<bool> boolean(std::string_view name);
    void complain(std::string_view name, std::string_view message);

    /// The first complaint, or a parameter that nobody asked for, or one that came twice.
    Result<void, control::Failure> finish();

private:
    const Query& query_;
    std::set<std::string, std::less<>> known_;
    std::optional<control::Failure> failure_;
};

}  // namespace hvis::manager
