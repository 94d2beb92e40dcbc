#include "manager/api/http_exchange.h"

#include <boost/asio/post.hpp>

#include "manager/api/http_shared.h"

namespace hvis::manager {

void HttpExchange::answer(HttpResponse response) {
    asio::post(shared_->context,
               [session = session_, number = number_, response = std::move(response)]() mutable {
                   if (const auto self = session.lock(); self && self->is_open(number)) {
                       self->write_response(std::move(response));
                   }
               });
}

std::shared_ptr<StreamSink> HttpExchange::stream(HttpResponse head) {
    auto sink = std::make_shared<HttpSink>(shared_, session_);
    asio::post(shared_->context,
               [session = session_, number = number_, sink, head = std::move(head)]() mutable {
                   if (const auto self = session.lock(); self && self->is_open(number)) {
                       self->begin_stream(std::move(head), sink);
                   } else {
                       sink->close();
                   }
               });
    return sink;
}

/// Changes the sink on the http thread and tells its session.
template <class Change>
void HttpSink::post(Change change) {
    asio::post(shared_->context, [self = shared_from_this(), change = std::move(change)]() mutable {
        if (self->closed_) {
            return;
        }
        change(*self);
        if (const auto session = self->session_.lock()) {
            session->sink_changed(*self);
        }
    });
}

bool HttpSink::write(std::string text) {
    if (closed_ || waiting_ + text.size() > shared_->limits.stream_waiting) {
        return false;
    }
    waiting_ += text.size();
    post([text = std::move(text)](HttpSink& sink) mutable {
        sink.chunks_.push_back(std::move(text));
    });
    return true;
}

void HttpSink::finish() {
    post([](HttpSink& sink) { sink.finishing_ = true; });
}

void HttpSink::notify(std::function<void()> drained, std::function<void()> gone) {
    asio::post(shared_->context, [self = shared_from_this(), drained = std::move(drained),
                                  gone = std::move(gone)]() mutable {
        self->drained_ = std::move(drained);
        self->gone_ = std::move(gone);
        if (self->closed_) {
            self->close();
        }
    });
}

std::string HttpSink::take(size_t limit) {
    std::string text;
    while (!chunks_.empty() && text.size() < limit) {
        text += chunks_.front();
        chunks_.pop_front();
    }
    return text;
}

void HttpSink::sent(size_t bytes) {
    waiting_ -= bytes;
    if (waiting_ == 0 && drained_) {
        drained_();
    }
}

void HttpSink::close() {
    closed_ = true;
    chunks_.clear();
    drained_ = nullptr;
    if (const auto gone = std::exchange(gone_, nullptr)) {
        gone();
    }
}

}  // namespace hvis::manager
