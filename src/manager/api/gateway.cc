#include "manager/api/gateway.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf16.h"
#include "manager/api/problem.h"
#include "manager/api/query_reader.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::make_failure;

HttpResponse not_found() {
    return problem(404, make_failure(ErrorCode::kNotFound, "there is nothing at this path",
                                     "GET /api/v1/openapi.yaml lists all paths"));
}

HttpResponse method_not_allowed(const std::string& allowed) {
    HttpResponse response =
        problem(405, make_failure(ErrorCode::kUsage, "this path does not take that method",
                                  "it takes " + allowed));
    response.headers.emplace_back("Allow", allowed);
    return response;
}

HttpResponse options(const std::string& allowed) {
    HttpResponse response{
        .status = 204, .content_type = {}, .headers = {}, .body = {}, .render = {}};
    response.headers.emplace_back("Allow", allowed);
    return response;
}

std::string_view article(Role role) { return role == Role::kViewer ? "a" : "an"; }

HttpResponse forbidden(const Caller& caller, Role needed) {
    return problem(403,
                   make_failure(ErrorCode::kFailed,
                                fmt::format("{} is {} {}; this needs a role of {}",
                                            escape_for_display(caller.name), article(caller.role),
                                            kRoleWords[std::to_underlying(caller.role)],
                                            kRoleWords[std::to_underlying(needed)]),
                                "an administrator gives a user or group more in [roles] of "
                                "hvisd.toml (then: systemctl reload hvisd), a program a token: "
                                "hvis token create NAME --role " +
                                    std::string(kRoleWords[std::to_underlying(needed)])));
}

/// A body that a page in a browser can send without being asked is not JSON by its type.
bool is_json(std::string_view content_type) {
    const std::string_view type = content_type.substr(0, content_type.find_first_of("; "));
    return type.empty() || type == "application/json" || type == "application/merge-patch+json";
}

/// The request's object, or what is wrong with it.
Result<std::shared_ptr<const control::Json>, HttpResponse> read_body(const Route& route,
                                                                     const HttpRequest& request) {
    if (request.body.empty()) {
        if (route.body == Body::kRequired) {
            return std::unexpected(problem(
                400, make_failure(ErrorCode::kUsage, "a JSON object is needed as the body",
                                  "GET /api/v1/openapi.yaml has the fields of every request")));
        }
        return std::make_shared<const control::Json>(control::Json::object());
    }
    if (!is_json(request.content_type)) {
        return std::unexpected(
            problem(415, make_failure(ErrorCode::kUsage, "the body must be application/json",
                                      "send it with Content-Type: application/json")));
    }
    auto parsed = control::parse_json(request.body, HttpLimits::kMaxBody);
    if (parsed && !(*parsed)->is_object()) {
        parsed =
            std::unexpected(control::FieldError{.pointer = {}, .message = "expected an object"});
    }
    if (parsed && route.body == Body::kNone && !(*parsed)->empty()) {
        const std::string first = (*parsed)->begin().key();
        parsed = std::unexpected(control::FieldError{.pointer = control::child_pointer({}, first),
                                                     .message = "unknown field"});
    }
    if (!parsed) {
        Failure failure = make_failure(ErrorCode::kUsage, parsed.error().to_string(),
                                       "GET /api/v1/openapi.yaml has the fields of every request");
        failure.pointer = parsed.error().pointer;
        return std::unexpected(problem(400, failure));
    }
    return *std::move(parsed);
}

HttpResponse too_busy() {
    return problem(
        503, make_failure(ErrorCode::kUnavailable, "hvisd has too much to do", "try again soon"));
}

}  // namespace

Gateway::Gateway(loop::Loop& loop, const Router& router, Access access, std::weak_ptr<void> alive,
                 Dispatch dispatch, TokenUsed token_used)
    : loop_(loop),
      router_(router),
      access_(std::move(access)),
      alive_(std::move(alive)),
      dispatch_(std::move(dispatch)),
      token_used_(std::move(token_used)) {}

Result<Gateway::Admitted, HttpResponse> Gateway::admit(const HttpRequest& request) {
    // Who may do nothing is told nothing, not even which paths there are.
    const Access::Identity identity = HVIS_TRY(access_.identify(request));
    if (identity.token) {
        note_token(*identity.token);
    }
    auto target = parse_target(request.target);
    if (!target) {
        return std::unexpected(
            problem(400, make_failure(ErrorCode::kUsage, "the request's target cannot be read",
                                      "escape names as UTF-8 with %XX")));
    }
    Router::Match match = router_.find(request.method, target->segments);
    if (match.allowed.empty()) {
        return std::unexpected(not_found());
    }
    if (request.method == Method::kOptions) {
        return std::unexpected(options(match.allowed));
    }
    if (match.route == nullptr) {
        return std::unexpected(method_not_allowed(match.allowed));
    }
    if (identity.caller.role < match.route->role) {
        return std::unexpected(forbidden(identity.caller, match.route->role));
    }
    if (match.route->parameters == Parameters::kNone) {
        if (const auto none = QueryReader(target->query).finish(); !none) {
            return std::unexpected(problem(400, none.error()));
        }
    }
    const Role needed = match.route->role;
    return Admitted{.match = std::move(match),
                    .query = std::move(target->query),
                    .caller = identity.caller,
                    .claim = {.token = identity.token, .peer = request.peer, .needed = needed}};
}

std::optional<HttpResponse> Gateway::refuse(const HttpRequest& head) {
    auto admitted = admit(head);
    if (admitted) {
        return std::nullopt;
    }
    return std::move(admitted).error();
}

void Gateway::handle(HttpRequest request, std::shared_ptr<Exchange> exchange) {
    auto admitted = admit(request);
    if (!admitted) {
        exchange->answer(std::move(admitted).error());
        return;
    }
    auto body = read_body(*admitted->match.route, request);
    if (!body) {
        exchange->answer(std::move(body).error());
        return;
    }
    auto call = std::make_shared<ApiRequest>();
    *call = {.route = admitted->match.route,
             .caller = std::move(admitted->caller),
             .claim = std::move(admitted->claim),
             .names = std::move(admitted->match.names),
             .query = std::move(admitted->query),
             .body = *std::move(body),
             .wants_events = request.accept.find("text/event-stream") != std::string::npos,
             .last_event_id = std::move(request.last_event_id)};
    // The state behind a responder is the manager thread's: only its making happens here.
    auto responder = std::make_shared<Responder>(exchange);
    exchange->on_gone([this, signal = responder->gone_signal()] {
        server_->retry([this, signal] { return loop_.post(signal); });
    });
    const bool posted =
        loop_.post([call, responder, alive = alive_, dispatch = &dispatch_]() mutable {
            if (const auto held = alive.lock()) {
                (*dispatch)(*call, *responder);
            }
        });
    if (!posted) {
        responder->respond(too_busy());
    }
}

void Gateway::note_token(const Guid& token) {
    const TimePoint now = loop::Loop::now();
    const auto [known, added] = touched_.try_emplace(token, now);
    if (!added && now - known->second < kTouchPeriod) {
        return;
    }
    known->second = now;
    // A lost note costs nothing but an older "last used".
    [[maybe_unused]] const bool posted = loop_.post([token, alive = alive_, used = &token_used_] {
        if (const auto held = alive.lock()) {
            (*used)(token);
        }
    });
}

}  // namespace hvis::manager
