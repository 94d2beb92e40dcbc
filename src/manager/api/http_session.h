#pragma once

// The only header that knows Boost.Beast; included by http_server.cc alone.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include "manager/api/http_exchange.h"
#include "manager/api/http_shared.h"
#include "manager/api/problem.h"

namespace hvis::manager {

namespace beast = boost::beast;
namespace http = beast::http;

/// Unix and TCP alike.
using PlainStream = beast::basic_stream<asio::generic::stream_protocol>;
using TlsStream = beast::ssl_stream<PlainStream>;

inline Method method_of(beast::string_view name) {
    for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                                Method::kPatch, Method::kDelete, Method::kOptions}) {
        if (to_string(method) == std::string_view(name.data(), name.size())) {
            return method;
        }
    }
    return Method::kOther;
}

/// One connection: reads a request, has it handled, writes the answer, begins again. Everything
/// happens on the http thread; handlers answer through HttpExchange, which posts.
template <class Stream>
class HttpSession final : public HttpAnswerer,
                          public std::enable_shared_from_this<HttpSession<Stream>> {
public:
    HttpSession(std::shared_ptr<HttpShared> shared, Stream stream,
                std::optional<PeerCredentials> peer, Reach reach)
        : shared_(std::move(shared)),
          stream_(std::move(stream)),
          peer_(std::move(peer)),
          reach_(reach),
          late_(shared_->context),
          look_again_(shared_->context),
          beat_(shared_->context) {
        ++shared_->counters.connections;
        ++shared_->open[std::to_underlying(reach_)];
    }
    HttpSession(const HttpSession&) = delete;
    HttpSession& operator=(const HttpSession&) = delete;
    ~HttpSession() override {
        --shared_->counters.connections;
        --shared_->open[std::to_underlying(reach_)];
    }

    /// The server ends: every wait of this session ends with an error.
    void end() { close(); }

    void begin() {
        if constexpr (std::is_same_v<Stream, TlsStream>) {
            lowest().expires_after(limits().handshake_time);
            stream_.async_handshake(asio::ssl::stream_base::server,
                                    [self = this->shared_from_this()](beast::error_code error) {
                                        if (!self->over(error)) {
                                            self->await_request();
                                        }
                                    });
        } else {
            await_request();
        }
    }

private:
    [[nodiscard]] bool is_open(uint64_t number) const override {
        return pending_ && number_ == number;
    }
    void sink_changed(const HttpSink& sink) override {
        if (sink_.get() == &sink) {
            write_next();
        }
    }

    void write_response(HttpResponse response) override {
        pending_ = nullptr;
        if (response.render) {
            response.body = response.render();
        }
        if (response.status >= 500) {
            ++shared_->counters.failed;
        } else if (response.status >= 400) {
            ++shared_->counters.refused;
        }
        const bool head_only = request_.method == Method::kHead;
        message_.emplace(static_cast<http::status>(response.status), version_);
        set_fields(*message_, response);
        message_->keep_alive(keep_alive_);
        if (response.status != 204) {
            message_->content_length(response.body.size());
        }
        if (!head_only) {
            message_->body() = std::move(response.body);
        }
        serializer_.emplace(*message_);
        lowest().expires_after(limits().write_time);
        const auto written = [self = this->shared_from_this()](beast::error_code error, size_t) {
            self->answered(error);
        };
        if (head_only) {
            http::async_write_header(stream_, *serializer_, written);
        } else {
            http::async_write(stream_, *serializer_, written);
        }
    }

    void begin_stream(HttpResponse head, std::shared_ptr<HttpSink> sink) override {
        if (!shared_->has_stream_room(reach_)) {
            sink->close();
            write_response(problem(
                503, control::make_failure(control::ErrorCode::kUnavailable,
                                           "too many event streams are open", "close some first")));
            return;
        }
        pending_ = nullptr;
        keep_alive_ = false;
        chunked_ = version_ >= 11;
        message_.emplace(static_cast<http::status>(head.status), version_);
        set_fields(*message_, head);
        message_->keep_alive(false);
        message_->chunked(chunked_);
        serializer_.emplace(*message_);
        lowest().expires_after(limits().write_time);
        if (request_.method == Method::kHead) {
            // The answer ends here: nothing of the stream is ever sent.
            sink->close();
            http::async_write_header(
                stream_, *serializer_,
                [self = this->shared_from_this()](beast::error_code error, size_t) {
                    self->answered(error);
                });
            return;
        }
        ++shared_->counters.streams;
        sink_ = std::move(sink);
        writing_ = true;
        http::async_write_header(
            stream_, *serializer_,
            [self = this->shared_from_this()](beast::error_code error, size_t) {
                if (!self->over(error)) {
                    self->writing_ = false;
                    self->write_next();
                }
            });
        watch_peer();
    }

    [[nodiscard]] const HttpLimits& limits() const { return shared_->limits; }
    PlainStream& lowest() { return beast::get_lowest_layer(stream_); }

    /// Ends the session on an error.
    bool over(beast::error_code error) {
        if (!error) {
            return false;
        }
        if (error == beast::error::timeout) {
            ++shared_->counters.timed_out;
        }
        close();
        return true;
    }

    void close() {
        beat_.cancel();
        look_again_.cancel();
        stop_reading();
        beast::error_code ignored;
        lowest().socket().shutdown(asio::socket_base::shutdown_both, ignored);
        lowest().close();
        abandon();
    }

    /// Tells whoever works for this connection that nobody waits for it any more.
    void abandon() {
        if (const auto pending = std::exchange(pending_, nullptr)) {
            if (const auto gone = pending->take_gone()) {
                gone();
            }
        }
        if (const auto sink = std::exchange(sink_, nullptr)) {
            --shared_->counters.streams;
            sink->close();
        }
    }

    void await_request() {
        parser_.emplace();
        parser_->header_limit(limits().header);
        parser_->body_limit(limits().body);
        if (buffer_.size() != 0) {
            read_header();
            return;
        }
        lowest().expires_after(limits().idle_time);
        stream_.async_read_some(buffer_.prepare(4096), [self = this->shared_from_this()](
                                                           beast::error_code error, size_t bytes) {
            if (!self->over(error)) {
                self->buffer_.commit(bytes);
                self->read_header();
            }
        });
    }

    void read_header() {
        request_ = {};
        await_rest();
        http::async_read_header(stream_, buffer_, *parser_,
                                [self = this->shared_from_this()](beast::error_code error, size_t) {
                                    if (!self->refused(error)) {
                                        self->header_read();
                                    }
                                });
    }

    /// From here on the client has `request_time`. The stream's own time-out closes it, and so
    /// nothing could be said: it comes later, for the case that the timer finds the reading
    /// between two of its steps, where there is nothing to cancel.
    void await_rest() {
        is_reading_ = true;
        is_late_ = false;
        lowest().expires_after(limits().request_time + kFarewell);
        late_.expires_after(limits().request_time);
        late_.async_wait([self = this->shared_from_this()](beast::error_code error) {
            if (!error && self->is_reading_) {
                self->is_late_ = true;
                self->lowest().cancel();
            }
        });
    }

    void stop_reading() {
        is_reading_ = false;
        late_.cancel();
    }

    /// Says what is wrong with a request that could not be read, then closes.
    bool refused(beast::error_code error) {
        if (!error && !is_late_) {
            return false;
        }
        stop_reading();
        if (error == beast::error::timeout) {
            return over(error);
        }
        unsigned status = 400;
        if (is_late_) {
            ++shared_->counters.timed_out;
            keep_alive_ = false;
            write_response(problem(
                408, control::make_failure(control::ErrorCode::kTimedOut,
                                           fmt::format("the request was not complete after {} ms",
                                                       limits().request_time.count()))));
            return true;
        }
        if (error == http::error::end_of_stream || error == http::error::partial_message ||
            error.category() != http::make_error_code(http::error::bad_line_ending).category()) {
            close();
            return true;
        }
        std::string message = "the request is not HTTP/1.1: " + error.message();
        if (error == http::error::header_limit) {
            status = 431;
            message = fmt::format("the header is longer than {} bytes", limits().header);
        } else if (error == http::error::body_limit) {
            status = 413;
            message = fmt::format("the body is longer than {} bytes", limits().body);
        }
        keep_alive_ = false;
        write_response(problem(status, control::make_failure(control::ErrorCode::kUsage, message)));
        return true;
    }

    void header_read() {
        const auto& head = parser_->get();
        ++shared_->counters.requests;
        keep_alive_ = head.keep_alive();
        version_ = head.version();
        request_ = {.method = method_of(head.method_string()),
                    .target = std::string(head.target()),
                    .peer = peer_,
                    .authorization = std::string(head[http::field::authorization]),
                    .accept = std::string(head[http::field::accept]),
                    .content_type = std::string(head[http::field::content_type]),
                    .last_event_id = std::string(head["Last-Event-ID"]),
                    .body = {}};
        if (auto response = shared_->handler->refuse(request_)) {
            stop_reading();
            // Its body is not read, so what follows cannot be told from it.
            keep_alive_ = keep_alive_ && parser_->is_done();
            write_response(*std::move(response));
            return;
        }
        if (beast::iequals(head[http::field::expect], "100-continue")) {
            asio::async_write(stream_, asio::buffer(kContinue),
                              [self = this->shared_from_this()](beast::error_code error, size_t) {
                                  if (!self->refused(error)) {
                                      self->read_body();
                                  }
                              });
            return;
        }
        read_body();
    }

    void read_body() {
        http::async_read(stream_, buffer_, *parser_,
                         [self = this->shared_from_this()](beast::error_code error, size_t) {
                             if (!self->refused(error)) {
                                 self->handle();
                             }
                         });
    }

    void handle() {
        stop_reading();
        lowest().expires_never();
        request_.body = std::move(parser_->get().body());
        pending_ = std::make_shared<HttpExchange>(shared_, this->weak_from_this(), ++number_);
        const auto pending = pending_;
        shared_->handler->handle(std::move(request_), pending);
        watch_peer();
    }

    /// While an answer is awaited, or a stream is silent, only this notices that the client left.
    void watch_peer() {
        if (watching_) {
            return;
        }
        watching_ = true;
        lowest().socket().async_wait(asio::socket_base::wait_read,
                                     [self = this->shared_from_this()](beast::error_code error) {
                                         self->watching_ = false;
                                         if (!error && (self->pending_ || self->sink_)) {
                                             self->look_at_peer();
                                         }
                                     });
    }

    void look_at_peer() {
        pollfd peer{.fd = lowest().socket().native_handle(), .events = POLLRDHUP, .revents = 0};
        if (::poll(&peer, 1, 0) != 0) {
            close();
            return;
        }
        // A pipelined request: it has its turn later, and until then the socket stays readable
        // whether its client leaves or not.
        look_again_.expires_after(kLookAgain);
        look_again_.async_wait(
            [self = this->shared_from_this(), number = number_](beast::error_code error) {
                if (!error && self->number_ == number && (self->pending_ || self->sink_)) {
                    self->look_at_peer();
                }
            });
    }

    void set_fields(http::response<http::string_body>& message, const HttpResponse& response) {
        message.set(http::field::server, "hvisd");
        message.set(http::field::cache_control, "no-store");
        message.set("X-Content-Type-Options", "nosniff");
        if (!response.content_type.empty()) {
            message.set(http::field::content_type, response.content_type);
        }
        for (const auto& [name, value] : response.headers) {
            message.set(name, value);
        }
    }

    void answered(beast::error_code error) {
        if (over(error)) {
            return;
        }
        serializer_.reset();
        message_.reset();
        if (keep_alive_) {
            await_request();
        } else {
            hang_up();
        }
    }

    /// Takes leave: TLS wants to hear that the end is meant, and what a client still sends must
    /// not turn our last words into a reset.
    void hang_up() {
        if constexpr (std::is_same_v<Stream, TlsStream>) {
            lowest().expires_after(kFarewell);
            stream_.async_shutdown(
                [self = this->shared_from_this()](beast::error_code) { self->close(); });
        } else {
            beast::error_code ignored;
            lowest().socket().shutdown(asio::socket_base::shutdown_send, ignored);
            lowest().expires_after(kFarewell);
            drain();
        }
    }

    void drain() {
        buffer_.clear();
        stream_.async_read_some(buffer_.prepare(4096),
                                [self = this->shared_from_this()](beast::error_code error, size_t) {
                                    if (error) {
                                        self->close();
                                    } else {
                                        self->drain();
                                    }
                                });
    }

    void write_next() {
        if (writing_ || !sink_) {
            return;
        }
        if (sink_->empty()) {
            if (sink_->finishing()) {
                write_frame(chunked_ ? "0\r\n\r\n" : "", 0, true);
            } else {
                arm_beat();
            }
            return;
        }
        std::string text = sink_->take(kFrame);
        const size_t size = text.size();
        write_frame(framed(std::move(text)), size, false);
    }

    [[nodiscard]] std::string framed(std::string text) const {
        return chunked_ ? fmt::format("{:x}\r\n{}\r\n", text.size(), text) : text;
    }

    void write_frame(std::string frame, size_t counted, bool last) {
        writing_ = true;
        beat_.cancel();
        frame_ = std::move(frame);
        lowest().expires_after(limits().write_time);
        asio::async_write(
            stream_, asio::buffer(frame_),
            [self = this->shared_from_this(), counted, last](beast::error_code error, size_t) {
                self->frame_written(error, counted, last);
            });
    }

    void frame_written(beast::error_code error, size_t counted, bool last) {
        if (over(error)) {
            return;
        }
        lowest().expires_never();
        writing_ = false;
        if (last) {
            abandon();
            hang_up();
            return;
        }
        if (counted != 0 && sink_) {
            sink_->sent(counted);
        }
        write_next();
    }

    void arm_beat() {
        lowest().expires_never();
        beat_.expires_after(limits().stream_beat);
        beat_.async_wait([self = this->shared_from_this()](beast::error_code error) {
            if (!error && self->sink_ && !self->writing_) {
                self->write_frame(self->framed(":\n\n"), 0, false);
            }
        });
    }

    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    static constexpr std::chrono::seconds kFarewell{1};
    /// So much later than a client that has pipelined a request leaves, that is noticed at most.
    static constexpr std::chrono::seconds kLookAgain{1};
    /// Most that is put into one write of a stream, give or take one event.
    static constexpr size_t kFrame = 64 * 1024;

    std::shared_ptr<HttpShared> shared_;
    Stream stream_;
    std::optional<PeerCredentials> peer_;
    Reach reach_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    HttpRequest request_;
    unsigned version_ = 11;
    bool keep_alive_ = true;
    asio::steady_timer late_;
    bool is_reading_ = false;
    bool is_late_ = false;

    std::shared_ptr<HttpExchange> pending_;
    uint64_t number_ = 0;
    bool watching_ = false;
    asio::steady_timer look_again_;
    std::optional<http::response<http::string_body>> message_;
    std::optional<http::response_serializer<http::string_body>> serializer_;

    std::shared_ptr<HttpSink> sink_;
    asio::steady_timer beat_;
    std::string frame_;
    bool chunked_ = true;
    bool writing_ = false;
};

}  // namespace hvis::manager
