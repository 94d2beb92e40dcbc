#include "manager/store/columns.h"

namespace hvis::manager {
namespace {

constexpr int64_t kTicksPerMillisecond = 10'000;

}  // namespace

int64_t to_column(WallTime time) {
    return (static_cast<int64_t>(time.ticks) - kUnixEpochInTicks) / kTicksPerMillisecond;
}

WallTime time_from_column(int64_t milliseconds) {
    return {static_cast<uint64_t>(milliseconds * kTicksPerMillisecond + kUnixEpochInTicks)};
}

Statement& bind_time(Statement& statement, int index, const std::optional<WallTime>& time) {
    return time ? statement.bind(index, to_column(*time)) : statement.bind_null(index);
}

std::optional<WallTime> time_at(const Statement& statement, int column) {
    return statement.is_null(column) ? std::nullopt
                                     : std::optional(time_from_column(statement.integer(column)));
}

Guid guid_at(const Statement& statement, int column) {
    const auto guid = Guid::parse(statement.text(column));
    return guid ? *guid : Guid{};
}

}  // namespace hvis::manager
