#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include "manager/api/exchange.h"
#include "manager/api/http_limits.h"
#include "manager/api/http_server.h"

namespace hvis::manager {

namespace asio = boost::asio;

/// Whose connections are counted together: TCP, the local socket, administrators at it.
enum class Reach : uint8_t { kRemote, kLocal, kAdministrator };

/// What sessions share; http thread.
struct HttpShared {
    asio::io_context context{1};
    HttpLimits limits;
    HttpCounters counters;
    /// Open connections, by Reach.
    std::array<size_t, 3> open{};
    HttpHandler* handler = nullptr;
    std::optional<asio::ssl::context> tls;

    /// Whether one more connection may be opened: those who come from further away take nothing of
    /// what is kept for the others.
    [[nodiscard]] bool has_room(Reach reach) const {
        const size_t remote = open[0];
        const size_t not_administrators = remote + open[1];
        const size_t all = not_administrators + open[2];
        const size_t kept = limits.kept_for_administrators;
        return all < limits.connections &&
               (reach == Reach::kAdministrator || not_administrators + kept < limits.connections) &&
               (reach != Reach::kRemote || remote + limits.kept_for_local < limits.connections);
    }
    [[nodiscard]] bool has_stream_room(Reach reach) const {
        const size_t kept =
            reach == Reach::kAdministrator ? 0 : limits.streams_kept_for_administrators;
        return counters.streams + kept < limits.streams;
    }
};

}  // namespace hvis::manager
