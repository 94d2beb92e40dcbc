#include "manager/api/api.h"

#include <algorithm>

#include <unistd.h>

#include "base/log.h"
#include "manager/api/images.h"
#include "manager/api/routes.h"

namespace hvis::manager {

namespace {

StatsSampler::Source stats_source(Supervisor& supervisor) {
    return {.running =
                [&supervisor] {
                    std::vector<Guid> running;
                    for (const VmSummary& vm : supervisor.list()) {
                        if (vm.state == "running" || vm.state == "paused") {
                            running.push_back(vm.definition.id);
                        }
                    }
                    return running;
                },
            .ask =
                [&supervisor](const Guid& vm, StatsSampler::Answered answered) {
                    supervisor.request(vm, control::encode_command(control::StatsCommand{}),
                                       std::move(answered));
                }};
}

}  // namespace

Result<std::unique_ptr<Api>, Failure> Api::start(ApiConfig config, const ApiParts& parts) {
    // make_unique cannot see the private constructor.
    std::unique_ptr<Api> api(new Api(std::move(config.info), parts, std::move(config.access)));
    // Before there are new ones.
    sweep_imports(api->context_);
    api->server_ = HVIS_TRY(HttpServer::start(std::move(config.http), api->gateway_));
    api->streams_.use(api->server_.get());
    api->context_.server = api->server_.get();
    HVIS_CHECK(api->load_tokens());
    return api;
}

Api::Api(ApiInfo info, const ApiParts& parts, AccessRules access)
    : parts_(parts),
      access_(std::move(access), ::geteuid()),
      background_(parts.loop),
      streams_(parts.loop, access_),
      sampler_(parts.loop, stats_source(parts.supervisor)),
      kvm_(parts.loop, info.worker),
      context_{.loop = parts.loop,
               .supervisor = parts.supervisor,
               .events = parts.events,
               .operations = parts.operations,
               .store = parts.store,
               .hooks = parts.hooks,
               .journal = parts.journal,
               .background = background_,
               .streams = streams_,
               .sampler = sampler_,
               .kvm = kvm_,
               .info = std::move(info),
               .tokens_changed =
                   [this] {
                       if (const auto loaded = load_tokens(); !loaded) {
                           log(LogLevel::kError, "api", loaded.error().message);
                       }
                   }},
      router_(api_routes()),
      gateway_(
          parts.loop, router_, access_, alive_,
          [this](const ApiRequest& request, const Responder& responder) {
              ++context_.handled;
              request.route->handler(context_, request, responder);
          },
          [this](const Guid& token) { note_use(token); }) {}

Api::~Api() {
    alive_.reset();
    server_.reset();
}

void Api::set_access(AccessRules rules) {
    access_.set_rules(rules);
    server_->post([this, rules = std::move(rules)] { gateway_.access().set_rules(rules); });
    streams_.access_changed();
}

Result<void, Failure> Api::load_tokens() {
    std::vector<AccessToken> tokens;
    for (const TokenRecord& record : HVIS_TRY(parts_.store.load_tokens())) {
        if (const auto hash = hash_from_hex(record.sha256)) {
            tokens.push_back(
                {.id = record.id, .name = record.name, .role = record.role, .sha256 = *hash});
        }
    }
    access_.set_tokens(tokens);
    server_->post([this, tokens = std::move(tokens)] { gateway_.access().set_tokens(tokens); });
    streams_.access_changed();
    return {};
}

void Api::note_use(const Guid& token) {
    auto records = parts_.store.load_tokens();
    if (!records) {
        return;  // the next use tries again
    }
    const auto found = std::ranges::find(*records, token, &TokenRecord::id);
    if (found != records->end()) {
        found->last_used = WallTime::from_system(std::chrono::system_clock::now());
        if (const auto saved = parts_.store.save_token(*found); !saved) {
            log(LogLevel::kWarning, "api", saved.error().message);
        }
    }
}

}  // namespace hvis::manager
