#include <algorithm>

#include <nlohmann/json.hpp>

#include "control/field_reader.h"
#include "control/time_text.h"
#include "manager/api/handlers.h"
#include "manager/api/secret.h"
#include "manager/random_guid.h"

namespace hvis::manager {
namespace {

using control::Json;

constexpr size_t kMaxTokens = 1000;
constexpr size_t kMaxTokenName = 64;

Json token_json(const TokenRecord& token) {
    Json value = {{"id", token.id.to_string()},
                  {"name", token.name},
                  {"role", kRoleWords.at(std::to_underlying(token.role))},
                  {"created", control::time_text(token.created)}};
    if (token.last_used) {
        value["last_used"] = control::time_text(*token.last_used);
    }
    return value;
}

void record(ApiContext& context, control::EventId event, const TokenRecord& token,
            const Caller& by) {
    context.events.record(event,
                          {{"by", by.name},
                           {"name", token.name},
                           {"role", std::string(kRoleWords.at(std::to_underlying(token.role)))},
                           {"id", token.id.to_string()}});
}

bool is_printable(const std::string& name) {
    return !name.empty() && std::ranges::none_of(name, [](char character) {
        return static_cast<unsigned char>(character) < 0x20U || character == 0x7f;
    });
}

}  // namespace

void list_tokens(ApiContext& context, const ApiRequest&, Responder responder) {
    const auto tokens = context.store.load_tokens();
    if (!tokens) {
        responder.fail(tokens.error());
        return;
    }
    Json list = Json::array();
    for (const TokenRecord& token : *tokens) {
        list.push_back(token_json(token));
    }
    responder.json({{"tokens", std::move(list)}});
}

void make_token(ApiContext& context, const ApiRequest& request, Responder responder) {
    control::FieldReader reader(*request.body);
    reader.require("name");
    reader.require("role");
    const std::string name = reader.text("name", kMaxTokenName).value_or(std::string());
    const size_t role = reader.choice("role", kRoleWords).value_or(0);
    if (!reader.bad() && !is_printable(name)) {
        reader.complain("name", "expected text without control characters");
    }
    if (const auto finished = reader.finish(); !finished) {
        responder.fail(control::usage_failure(finished.error()));
        return;
    }
    const auto known = context.store.load_tokens();
    if (!known) {
        responder.fail(known.error());
        return;
    }
    if (known->size() >= kMaxTokens) {
        responder.fail(
            409, control::make_failure(control::ErrorCode::kFailed, "there are too many tokens",
                                       "delete those that nobody uses"));
        return;
    }
    const auto secret = make_secret();
    const auto id = random_guid();
    if (!secret || !id) {
        responder.fail(control::make_failure(control::ErrorCode::kFailed,
                                             "the system has no randomness to give"));
        return;
    }
    const TokenRecord token{.id = *id,
                            .name = name,
                            .role = static_cast<Role>(role),
                            .sha256 = hex_text(sha256(*secret)),
                            .created = WallTime::from_system(std::chrono::system_clock::now()),
                            .last_used = {}};
    if (const auto saved = context.store.save_token(token); !saved) {
        responder.fail(saved.error());
        return;
    }
    context.tokens_changed();
    record(context, control::EventId::kTokenCreated, token, request.caller);
    Json answer = token_json(token);
    answer["token"] = *secret;
    responder.json(std::move(answer), 201);
}

void delete_token(ApiContext& context, const ApiRequest& request, Responder responder) {
    const auto id = Guid::parse(request.name("id"));
    const auto known = context.store.load_tokens();
    if (!known) {
        responder.fail(known.error());
        return;
    }
    const auto token = id ? std::ranges::find(*known, *id, &TokenRecord::id) : known->end();
    const auto removed =
        token != known->end() ? context.store.remove_token(*id) : Result<bool, Failure>(false);
    if (!removed) {
        responder.fail(removed.error());
        return;
    }
    if (!*removed) {
        responder.fail(control::make_failure(control::ErrorCode::kNotFound,
                                             "there is no such token", "GET /api/v1/tokens"));
        return;
    }
    context.tokens_changed();
    record(context, control::EventId::kTokenDeleted, *token, request.caller);
    responder.done();
}

}  // namespace hvis::manager
