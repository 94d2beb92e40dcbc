#include "cli/http/http_client.h"

#include <array>

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "cli/http/transport.h"

namespace hvis::cli {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using control::ErrorCode;
using control::make_failure;

/// Headers of a reply; far above what hvisd sends.
constexpr uint32_t kMaxHeadBytes = 64 * 1024;
/// Bytes asked of the connection at once.
constexpr size_t kReadBytes = 64 * 1024;

/// A body that goes to a function piece by piece.
struct SinkBody {
    using value_type = BodySink;

    class reader {
    public:
        template <bool kIsRequest, class Fields>
        reader(http::header<kIsRequest, Fields>& /*head*/, value_type& sink) : sink_(sink) {}
        void init(const boost::optional<uint64_t>& /*length*/, error_code& error) { error = {}; }
        template <class Buffers>
        size_t put(const Buffers& buffers, error_code& error) {
            error = {};
            size_t taken = 0;
            for (const auto& buffer : boost::beast::buffers_range_ref(buffers)) {
                if (!sink_({static_cast<const char*>(buffer.data()), buffer.size()})) {
                    error = http::error::end_of_stream;
                    return taken;
                }
                taken += buffer.size();
            }
            return taken;
        }
        void finish(error_code& error) { error = {}; }

    private:
        value_type& sink_;
    };
};

using Parser = http::response_parser<SinkBody>;

std::string request_text(const Endpoint& endpoint, const HttpRequest& request) {
    http::request<http::string_body> message;
    message.version(11);
    message.method_string(request.method);
    message.target(request.target);
    const auto* https = std::get_if<HttpsEndpoint>(&endpoint);
    message.set(http::field::host, https == nullptr ? "localhost" : https->host);
    message.set(http::field::user_agent, "hvis/" HVIS_VERSION);
    message.set(http::field::accept, request.accept);
    message.set(http::field::connection, "close");
    if (https != nullptr && !https->token.empty()) {
        message.set(http::field::authorization, "Bearer " + https->token);
    }
    if (!request.content_type.empty()) {
        message.set(http::field::content_type, request.content_type);
        message.body() = request.body;
        message.prepare_payload();
    }
    http::request_serializer<http::string_body> serializer(message);
    std::string text;
    error_code error;
    while (!serializer.is_done()) {
        serializer.next(error, [&](error_code& /*error*/, const auto& buffers) {
            text += boost::beast::buffers_to_string(buffers);
            serializer.consume(boost::beast::buffer_bytes(buffers));
        });
    }
    return text;
}

Failure broken_reply(const Endpoint& endpoint, const std::string& why) {
    return make_failure(ErrorCode::kFailed,
                        to_string(endpoint) + " does not answer as hvisd does: " + why,
                        "check that --url or --socket is that of hvisd");
}

/// Reads one reply; `endless` ones are not held to the deadline once they have begun. Nothing more
/// is read once the parser or the sink has enough.
Result<void, Failure> read_reply(const Endpoint& endpoint, Transport& transport,
                                 const Patience& patience, Parser& parser, bool endless) {
    boost::beast::flat_buffer buffer;
    Patience current = patience;
    parser.header_limit(kMaxHeadBytes);
    parser.body_limit(boost::none);
    parser.eager(true);
    while (!parser.is_done()) {
        const auto space = buffer.prepare(kReadBytes);
        const size_t got = HVIS_TRY(
            transport.read_some({static_cast<char*>(space.data()), space.size()}, current));
        buffer.commit(got);
        error_code error;
        if (got == 0 && !parser.got_some()) {
            error = http::error::end_of_stream;
        } else if (got == 0) {
            parser.put_eof(error);
        } else {
            buffer.consume(parser.put(buffer.data(), error));
        }
        if (error == http::error::end_of_stream && got != 0) {
            return {};  // The sink wants no more.
        }
        if (got == 0 && error) {
            Failure failure =
                make_failure(ErrorCode::kFailed, "hvisd closed the connection before it answered",
                             "it may have been restarted: try again");
            failure.outcome = kDisconnected;
            return std::unexpected(std::move(failure));
        }
        if (error && error != http::error::need_more) {
            return std::unexpected(broken_reply(endpoint, error.message()));
        }
        if (endless && parser.is_header_done() && parser.get().result() == http::status::ok) {
            current.deadline.reset();  // A stream has no time at which it is late.
        }
    }
    return {};
}

}  // namespace

Result<HttpReply, Failure> HttpClient::follow(const HttpRequest& request, const Patience& patience,
                                              const BodySink& sink) {
    const auto transport = HVIS_TRY(connect(endpoint_, patience));
    HVIS_CHECK(transport->write_all(request_text(endpoint_, request), patience));
    HttpReply reply;
    Parser parser;
    bool too_long = false;
    parser.get().body() = [&](std::string_view piece) {
        if (sink && parser.get().result() == http::status::ok) {
            return sink(piece);
        }
        too_long = reply.body.size() + piece.size() > kMaxReplyBytes;
        if (!too_long) {
            reply.body += piece;
        }
        return !too_long;
    };
    HVIS_CHECK(read_reply(endpoint_, *transport, patience, parser, sink != nullptr));
    if (too_long) {
        return std::unexpected(broken_reply(endpoint_, "the reply is too long"));
    }
    reply.status = parser.get().result_int();
    reply.content_type = parser.get()[http::field::content_type];
    return reply;
}

Result<HttpReply, Failure> HttpClient::exchange(const HttpRequest& request,
                                                const Patience& patience) {
    return follow(request, patience, nullptr);
}

}  // namespace hvis::cli
