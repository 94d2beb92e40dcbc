#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "loop/loop.h"
#include "manager/api/access.h"
#include "manager/api/exchange.h"
#include "manager/api/http_server.h"

namespace hvis::manager {

/// An answer that goes on, as the manager thread sees it. Destroyed when the client has gone.
class Stream {
public:
    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream() = default;
    /// The socket has taken all that was written.
    virtual void drained() = 0;
};

/// Keeps the streams for as long as their clients listen. Manager thread.
class Streams {
public:
    /// All must outlive it.
    Streams(loop::Loop& loop, const Access& access) : loop_(loop), access_(access) {}
    void use(HttpServer* server) { server_ = server; }

    /// The stream ends at once where the claim holds no more.
    void add(const std::shared_ptr<StreamSink>& sink, std::shared_ptr<Stream> stream, Claim claim);
    /// The rules have changed: ends the streams of those who may not listen any more.
    void access_changed();
    [[nodiscard]] size_t count() const { return streams_->size(); }

private:
    struct Entry {
        std::shared_ptr<StreamSink> sink;
        std::shared_ptr<Stream> stream;
        Claim claim;
    };
    using Kept = std::map<uint64_t, Entry>;

    loop::Loop& loop_;
    const Access& access_;
    HttpServer* server_ = nullptr;
    uint64_t next_ = 1;
    /// Shared, so that what is posted late finds that nobody is there.
    std::shared_ptr<Kept> streams_ = std::make_shared<Kept>();
};

}  // namespace hvis::manager
