#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "manager/api/exchange.h"

namespace hvis::manager {

struct HttpShared;
class HttpSink;

/// What a session does for the handler of its present request; http thread.
class HttpAnswerer {
public:
    virtual ~HttpAnswerer() = default;
    /// The request with this number waits for its answer.
    [[nodiscard]] virtual bool is_open(uint64_t number) const = 0;
    virtual void write_response(HttpResponse response) = 0;
    virtual void begin_stream(HttpResponse head, std::shared_ptr<HttpSink> sink) = 0;
    /// There is something to send, or an end to be made; nothing to do for a sink of another
    /// answer.
    virtual void sink_changed(const HttpSink& sink) = 0;
};

/// The handler's end of one request: passes on to the http thread what any thread says. Outlives
/// the session if it must.
class HttpExchange final : public Exchange {
public:
    HttpExchange(std::shared_ptr<HttpShared> shared, std::weak_ptr<HttpAnswerer> session,
                 uint64_t number)
        : shared_(std::move(shared)), session_(std::move(session)), number_(number) {}

    void answer(HttpResponse response) override;
    std::shared_ptr<StreamSink> stream(HttpResponse head) override;
    void on_gone(std::function<void()> gone) override { gone_ = std::move(gone); }

    std::function<void()> take_gone() { return std::exchange(gone_, nullptr); }

private:
    std::shared_ptr<HttpShared> shared_;
    std::weak_ptr<HttpAnswerer> session_;
    uint64_t number_;
    std::function<void()> gone_;
};

/// What is written to a stream, until its session has sent it. It keeps what comes before the
/// session begins the stream: what the http thread posts itself can be overtaken.
class HttpSink final : public StreamSink, public std::enable_shared_from_this<HttpSink> {
public:
    HttpSink(std::shared_ptr<HttpShared> shared, std::weak_ptr<HttpAnswerer> session)
        : shared_(std::move(shared)), session_(std::move(session)) {}

    bool write(std::string text) override;
    [[nodiscard]] size_t waiting() const override { return waiting_; }
    [[nodiscard]] bool closed() const override { return closed_; }
    void finish() override;
    void notify(std::function<void()> drained, std::function<void()> gone) override;

    // http thread
    [[nodiscard]] bool empty() const { return chunks_.empty(); }
    [[nodiscard]] bool finishing() const { return finishing_; }
    /// What waits, but not much more than limit: it goes out together, so that many small events
    /// are one write.
    std::string take(size_t limit);
    /// So much of it has left.
    void sent(size_t bytes);
    void close();

private:
    template <class Change>
    void post(Change change);

    std::shared_ptr<HttpShared> shared_;
    std::weak_ptr<HttpAnswerer> session_;
    std::atomic<size_t> waiting_{0};
    std::atomic<bool> closed_{false};
    std::deque<std::string> chunks_;
    bool finishing_ = false;
    std::function<void()> drained_;
    std::function<void()> gone_;
};

}  // namespace hvis::manager
