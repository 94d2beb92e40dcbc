#pragma once

#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include "manager/api/exchange.h"
#include "manager/api/http_limits.h"
#include "manager/api/http_server.h"

namespace hvis::manager {

namespace asio = boost::asio;

/// What sessions share; http thread.
struct HttpShared {
    asio::io_context context{1};
    HttpLimits limits;
    HttpCounters counters;
    HttpHandler* handler = nullptr;
    std::optional<asio::ssl::context> tls;
};

}  // namespace hvis::manager
