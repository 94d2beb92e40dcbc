#pragma once

#include <functional>
#include <memory>
#include <string>

#include "control/failure.h"
#include "loop/loop.h"
#include "manager/events/webhook.h"

namespace hvis::manager {

/// Posts to one receiver with libcurl on a thread of its own: name look-ups, TLS handshakes and
/// receivers that answer slowly or never hold up neither the manager nor other receivers. The
/// connection is kept between posts.
class WebhookSender {
public:
    /// More of an answer is not read.
    static constexpr size_t kMaxAnswerBytes = 65'536;

    /// `loop` must outlive it. Fails when the URL or the authorities' file cannot be used.
    static Result<std::unique_ptr<WebhookSender>, control::Failure> create(
        const WebhookConfig& config, loop::Loop& loop);
    /// Breaks off what is under way; `done` is not called then.
    ~WebhookSender();
    WebhookSender(const WebhookSender&) = delete;
    WebhookSender& operator=(const WebhookSender&) = delete;

    /// One at a time. `done` is called on the loop's thread.
    void post(WebhookRequest request, std::function<void(Attempt)> done);

private:
    struct State;
    explicit WebhookSender(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace hvis::manager
