#pragma once

#include <memory>

#include "manager/api/access.h"
#include "manager/api/api_context.h"
#include "manager/api/gateway.h"
#include "manager/api/http_server.h"
#include "manager/api/kvm_check.h"

namespace hvis::manager {

struct ApiConfig {
    ApiInfo info;
    HttpServerConfig http;
    AccessRules access;
};

/// What the API works on; all must outlive it.
struct ApiParts {
    loop::Loop& loop;
    Supervisor& supervisor;
    EventLog& events;
    Operations& operations;
    Store& store;
    Hooks& hooks;
    const JournalSink& journal;
};

/// The HTTP API of one hvisd. Manager thread; the server behind it has a thread of its own.
class Api {
public:
    static Result<std::unique_ptr<Api>, Failure> start(ApiConfig config, const ApiParts& parts);
    /// Closes all connections; requests under way are given up.
    ~Api();
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    /// From the next request on.
    void set_access(AccessRules rules);
    /// As HttpServer::reload_tls().
    Result<void, Failure> reload_tls() { return server_->reload_tls(); }
    [[nodiscard]] const HttpCounters& counters() const { return server_->counters(); }

private:
    Api(ApiInfo info, const ApiParts& parts, AccessRules access);
    /// Hands the tokens of the store to the http thread.
    Result<void, Failure> load_tokens();
    void note_use(const Guid& token);

    ApiParts parts_;
    Access access_;  ///< as the manager thread knows it
    Background background_;
    Streams streams_;
    StatsSampler sampler_;
    KvmCheck kvm_;
    ApiContext context_;
    Router router_;
    /// What waits on the manager thread's queue for this: expires first.
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
    Gateway gateway_;
    std::unique_ptr<HttpServer> server_;
};

}  // namespace hvis::manager
