#pragma once

#include <functional>
#include <memory>

#include "control/failure.h"
#include "control/json.h"
#include "manager/api/exchange.h"
#include "manager/api/problem.h"

namespace hvis::manager {

/// A handler's way to answer; manager thread. Copies answer the same request, the first answer
/// counts. When the last copy goes without an answer, the client is told that hvisd failed.
class Responder {
public:
    explicit Responder(std::shared_ptr<Exchange> exchange);

    void respond(HttpResponse response) const;
    /// The text is made on the http thread.
    void json(std::shared_ptr<const control::Json> value, unsigned status = 200) const;
    void json(control::Json value, unsigned status = 200) const;
    void done() const;  ///< {}
    void fail(const Failure& failure) const;
    void fail(unsigned status, const Failure& failure) const;
    /// An answer that goes on: text/event-stream.
    [[nodiscard]] std::shared_ptr<StreamSink> event_stream() const;

    /// Called when the client has left before the answer: whoever still works for it may stop.
    void when_gone(std::function<void()> gone) const;
    /// For the gateway.
    [[nodiscard]] std::function<void()> gone_signal() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace hvis::manager
