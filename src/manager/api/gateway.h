#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "loop/loop.h"
#include "manager/api/access.h"
#include "manager/api/exchange.h"
#include "manager/api/http_server.h"
#include "manager/api/router.h"

namespace hvis::manager {

/// Between the two threads: on the http thread it finds out who asks for what and whether that may
/// be, and reads the JSON; what is left goes to the handler on the manager thread.
class Gateway final : public HttpHandler {
public:
    /// Called on the manager thread with a request that is in order.
    using Dispatch = std::function<void(const ApiRequest& request, const Responder& responder)>;
    /// Called on the manager thread when a token was used, at most once in kTouchPeriod for each.
    using TokenUsed = std::function<void(const Guid& token)>;
    static constexpr Duration kTouchPeriod = std::chrono::minutes(1);

    /// Nothing is called on the manager thread any more once `alive` has expired. The loop and the
    /// router must outlive the server that uses this.
    Gateway(loop::Loop& loop, const Router& router, Access access, std::weak_ptr<void> alive,
            Dispatch dispatch, TokenUsed token_used);

    void attach(HttpServer& server) override { server_ = &server; }
    std::optional<HttpResponse> refuse(const HttpRequest& head) override;
    void handle(HttpRequest request, std::shared_ptr<Exchange> exchange) override;
    bool is_administrator(const PeerCredentials& peer) override {
        return access_.role_of(peer) == Role::kAdministrator;
    }

    /// For changes to it; http thread only.
    Access& access() { return access_; }

private:
    struct Admitted {
        Router::Match match;
        Query query;
        Caller caller;
        Claim claim;
    };
    Result<Admitted, HttpResponse> admit(const HttpRequest& request);
    void note_token(const Guid& token);

    loop::Loop& loop_;
    const Router& router_;
    Access access_;
    std::weak_ptr<void> alive_;
    Dispatch dispatch_;
    TokenUsed token_used_;
    HttpServer* server_ = nullptr;
    std::map<Guid, TimePoint> touched_;
};

}  // namespace hvis::manager
