#include "manager/api/responder.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::manager {

struct Responder::State {
    explicit State(std::shared_ptr<Exchange> its_exchange) : exchange(std::move(its_exchange)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (!answered) {
            exchange->answer(problem(
                500, control::make_failure(control::ErrorCode::kFailed, "the request was given up",
                                           "hvisd is ending, or its log says "
                                           "more")));
        }
    }

    std::shared_ptr<Exchange> exchange;
    bool answered = false;
    bool has_gone = false;
    std::function<void()> gone;
};

Responder::Responder(std::shared_ptr<Exchange> exchange)
    : state_(std::make_shared<State>(std::move(exchange))) {}

void Responder::respond(HttpResponse response) const {
    if (!std::exchange(state_->answered, true)) {
        state_->gone = nullptr;
        state_->exchange->answer(std::move(response));
    }
}

void Responder::json(std::shared_ptr<const control::Json> value, unsigned status) const {
    HttpResponse response{.status = status, .headers = {}, .body = {}, .render = {}};
    response.render = [value = std::move(value)] { return control::dump_json(*value) + "\n"; };
    respond(std::move(response));
}

void Responder::json(control::Json value, unsigned status) const {
    json(std::make_shared<const control::Json>(std::move(value)), status);
}

void Responder::done() const { json(control::Json::object()); }

void Responder::fail(const Failure& failure) const { respond(problem(failure)); }

void Responder::fail(unsigned status, const Failure& failure) const {
    respond(problem(status, failure));
}

std::shared_ptr<StreamSink> Responder::event_stream() const {
    state_->answered = true;
    state_->gone = nullptr;
    return state_->exchange->stream(
        {.content_type = "text/event-stream", .headers = {}, .body = {}, .render = {}});
}

void Responder::when_gone(std::function<void()> gone) const {
    if (state_->has_gone) {
        gone();
    } else if (!state_->answered) {
        state_->gone = std::move(gone);
    }
}

std::function<void()> Responder::gone_signal() const {
    return [weak = std::weak_ptr(state_)] {
        if (const auto state = weak.lock()) {
            state->has_gone = true;
            if (const auto gone = std::exchange(state->gone, nullptr)) {
                gone();
            }
        }
    };
}

}  // namespace hvis::manager
