#include "manager/supervisor/worker_session.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::Json;
using control::LinkEnd;

/// The program that runs one VM and nothing else.
constexpr std::string_view kWorkerProgram = "hvis-vm";

std::string text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

WorkerSession::WorkerSession(loop::Loop& loop, EventLog& log, EventLog::Subject vm,
                             const std::string& socket, const Timings& timings, Callbacks callbacks)
    : loop_(loop),
      log_(log),
      vm_(std::move(vm)),
      timings_(timings),
      callbacks_(std::move(callbacks)) {
    link_ = control::Link::connect(
        loop, socket, loop::Loop::now() + timings.greet,
        {.greeted = [this](const Json& hello) { hello_received(hello); },
         .event = [this](const Json& event) { intake_->pushed(event); },
         .status =
             [this](std::shared_ptr<const Json> status) {
                 heard();
                 callbacks_.status(std::move(status));
             },
         .ended = [this](const LinkEnd& why) { end(why.reason, why.text); }});
}

WorkerSession::~WorkerSession() { loop_.cancel_timer(probe_timer_); }

void WorkerSession::hello_received(const Json& hello) {
    const auto run = Guid::parse(text_of(hello, "run"));
    const auto id = Guid::parse(text_of(hello, "id"));
    if (!run || !id || *id != vm_.id) {
        end(LinkEnd::Reason::kBrokeProtocol,
            !run ? "its hello names no run"
                 : "it is the worker of another VM, " + text_of(hello, "id"));
        return;
    }
    intake_ = std::make_unique<EventIntake>(loop_, log_, vm_, *run, timings_);
    intake_->begin(*link_, [this](const control::Failure& failure) {
        if (failure.outcome != control::Link::kLinkLost) {
            end(LinkEnd::Reason::kBrokeProtocol, "no events: " + failure.message);
        }
    });
    subscribe_status();
    probe_later();
    callbacks_.greeted({.run = *run,
                        .pid = link_->peer(),
                        .own_process = text_of(hello, "program") == kWorkerProgram});
}

void WorkerSession::rename(const std::string& name) {
    vm_.name = name;
    if (intake_ != nullptr) {
        intake_->rename(name);
    }
}

void WorkerSession::subscribe_status() {
    const auto args = std::make_shared<const Json>(Json::object());
    link_->request({.verb = "status.subscribe", .args = args},
                   loop::Loop::now() + timings_.probe_answer, [this](const auto& reply) {
                       if (!reply && reply.error().outcome != control::Link::kLinkLost) {
                           end(LinkEnd::Reason::kBrokeProtocol,
                               "no status: " + reply.error().message);
                       }
                   });
}

void WorkerSession::end(LinkEnd::Reason reason, std::string text) {
    loop_.cancel_timer(std::exchange(probe_timer_, 0));
    const auto ended = callbacks_.ended;
    ended({.reason = reason, .text = std::move(text)});
}

void WorkerSession::probe_later() {
    probe_timer_ = loop_.add_timer(loop::Loop::now() + timings_.probe_every, [this] { probe(); });
}

void WorkerSession::probe() {
    // Counted from the last word, not from the last look: else it takes up to twice as long.
    const TimePoint due = link_->heard() + timings_.probe_every;
    if (!silent_since_ && loop::Loop::now() < due) {
        probe_timer_ = loop_.add_timer(due, [this] { probe(); });
        return;
    }
    // The shortest thing that the worker's loop has to answer.
    link_->request(
        control::encode_command(
            control::EventsListCommand{.since = intake_->expected(), .limit = 1}),
        loop::Loop::now() + timings_.probe_answer, [this](const auto& reply) {
            if (reply) {
                heard();
            } else if (reply.error().code == control::ErrorCode::kTimedOut && !silent_since_) {
                silent_since_ = loop::Loop::now() - timings_.probe_answer;
                probe_later();
                callbacks_.silent(true, timings_.probe_answer);
                return;
            }
            if (reply || reply.error().outcome != control::Link::kLinkLost) {
                probe_later();
            }
        });
}

void WorkerSession::heard() {
    if (const auto since = std::exchange(silent_since_, std::nullopt)) {
        callbacks_.silent(false, loop::Loop::now() - *since);
    }
}

}  // namespace hvis::manager
