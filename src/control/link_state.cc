#include "control/link_state.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "control/busy.h"
#include "control/packet.h"

namespace hvis::control {
namespace {

using enum LinkEnd::Reason;

const Json* member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

}  // namespace

Failure link_lost(const std::string& text) {
    Failure failure = make_failure(ErrorCode::kFailed, "the worker is gone: " + text,
                                   "see what happened with 'hvis events'");
    failure.outcome = Link::kLinkLost;
    return failure;
}

Link::RequestId Link::State::request(const EncodedCommand& command, TimePoint deadline,
                                     Answered answered) {
    Request request;
    request.answered = std::move(answered);
    return begin(command, deadline, std::move(request));
}

Link::RequestId Link::State::follow(const EncodedCommand& command, Told told, Answered ended) {
    Request request;
    request.answered = std::move(ended);
    request.told = std::make_shared<const Told>(std::move(told));
    return begin(command, std::nullopt, std::move(request));
}

Link::RequestId Link::State::begin(const EncodedCommand& command, std::optional<TimePoint> deadline,
                                   Request wanted) {
    const RequestId id = next_id_++;
    const bool full = requests_.size() >= kMaxOutstanding;
    Request& request = requests_[id] = std::move(wanted);
    const auto refuse = [&](Failure failure) {
        request.timer = loop_.add_timer(
            loop::Loop::now(),
            [this, id, failure = std::move(failure)] { finish(id, std::unexpected(failure)); });
    };
    if (closed_ || end_timer_ != 0) {
        refuse(link_lost("the link is over"));
        return id;
    }
    if (full) {
        refuse(too_many("too many requests to this VM are under way",
                        "wait for some to end, or cancel them"));
        return id;
    }
    std::string text = dump_json({{"id", id}, {"verb", command.verb}, {"args", *command.args}});
    if (text.size() > kMaxPacketBytes) {
        refuse(make_failure(ErrorCode::kUsage, "the request is too long"));
        return id;
    }
    if (deadline) {
        request.timer = loop_.add_timer(*deadline, [this, id] { expired(id); });
    }
    enqueue(std::move(text));
    return id;
}

void Link::State::cancel(RequestId id) {
    const auto found = requests_.find(id);
    if (found == requests_.end()) {
        return;
    }
    send_cancel(id);
    loop_.cancel_timer(found->second.timer);
    Failure failure = make_failure(ErrorCode::kFailed, "cancelled");
    failure.outcome = "cancelled";
    found->second.timer = loop_.add_timer(
        loop::Loop::now(), [this, id, failure] { finish(id, std::unexpected(failure)); });
}

void Link::State::send_cancel(RequestId target) {
    // Nobody waits for the reply to this: an unknown id is ignored when it comes.
    enqueue(dump_json({{"id", next_id_++}, {"verb", "cancel"}, {"args", {{"id", target}}}}));
}

void Link::State::expired(RequestId id) {
    send_cancel(id);
    finish(id, std::unexpected(make_failure(
                   ErrorCode::kTimedOut, "the worker did not answer in time",
                   "it may still do what was asked, once it goes on; 'hvis status' tells "
                   "how the VM is")));
}

void Link::State::finish(RequestId id, Result<std::shared_ptr<const Json>, Failure> outcome) {
    auto node = requests_.extract(id);
    if (node.empty()) {
        return;
    }
    loop_.cancel_timer(node.mapped().timer);
    const auto self = shared_from_this();
    node.mapped().answered(std::move(outcome));
}

void Link::State::packet_received(const std::string& text) {
    const auto message = parse_json(text, kMaxPacketBytes);
    if (!message || !(*message)->is_object()) {
        end(kBrokeProtocol, "it sent a packet that is not a JSON object");
        return;
    }
    if (!greeted_) {
        hello_received(**message);
        return;
    }
    if (const Json* event = member(**message, "event"); event != nullptr) {
        if (callbacks_.event) {
            callbacks_.event(*event);
        }
    } else if (const Json* pushed = member(**message, "status"); pushed != nullptr) {
        if (callbacks_.status) {
            callbacks_.status(std::make_shared<const Json>(*pushed));
        }
    } else {
        reply_received(**message);
    }
}

void Link::State::hello_received(const Json& message) {
    if (const Json* error = member(message, "error"); error != nullptr) {
        end(kBrokeProtocol, "it refused us: " + failure_from_json(*error).message);
        return;
    }
    const Json* hello = member(message, "hello");
    const Json* version =
        hello != nullptr && hello->is_object() ? member(*hello, "protocol") : nullptr;
    if (version == nullptr || *version != kProtocolVersion) {
        end(kBrokeProtocol, "it speaks protocol " +
                                (version == nullptr ? std::string("?") : dump_json(*version)) +
                                ", we speak " + std::to_string(kProtocolVersion));
        return;
    }
    loop_.cancel_timer(std::exchange(greeting_timer_, 0));
    greeted_ = true;
    if (callbacks_.greeted) {
        callbacks_.greeted(*hello);
    }
}

void Link::State::reply_received(const Json& message) {
    const Json* id = member(message, "id");
    if (id == nullptr || !id->is_number_unsigned()) {
        end(kBrokeProtocol, "it sent a reply without an id");
        return;
    }
    const auto number = id->get<uint64_t>();
    const Json* error = member(message, "error");
    if (number == 0) {
        end(kBrokeProtocol, "it could not read a request: " +
                                (error == nullptr ? "?" : failure_from_json(*error).message));
        return;
    }
    const auto found = requests_.find(number);
    if (found == requests_.end()) {
        return;  // The late answer to a request that is over.
    }
    if (error != nullptr) {
        finish(number, std::unexpected(failure_from_json(*error)));
        return;
    }
    const Json* result = member(message, "result");
    Request& request = found->second;
    if (result == nullptr && request.told != nullptr) {
        const auto told = request.told;
        (*told)(message);
        return;
    }
    if (result == nullptr || !result->is_object() || ++request.parts > kMaxResultParts) {
        end(kBrokeProtocol, "it sent a reply with neither result nor error, or without end");
        return;
    }
    if (request.whole == nullptr) {
        request.whole = std::make_shared<Json>(*result);
    } else {
        for (const auto& [name, value] : result->items()) {
            Json& field = (*request.whole)[name];
            if (field.is_array() && value.is_array()) {
                field.insert(field.end(), value.begin(), value.end());
            } else {
                field = value;
            }
        }
    }
    const Json* more = member(message, "more");
    if (more == nullptr || *more != true) {
        finish(number, std::shared_ptr<const Json>(std::move(request.whole)));
    }
}

}  // namespace hvis::control
