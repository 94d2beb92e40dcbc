#include "control/failure.h"

#include <array>

#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

constexpr std::array kCodes = {ErrorCode::kFailed, ErrorCode::kUsage, ErrorCode::kNotFound,
                               ErrorCode::kTimedOut, ErrorCode::kUnavailable};

std::string text_of(const Json& object, std::string_view name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::kFailed:
            return "failed";
        case ErrorCode::kUsage:
            return "usage";
        case ErrorCode::kNotFound:
            return "not_found";
        case ErrorCode::kTimedOut:
            return "timed_out";
        case ErrorCode::kUnavailable:
            return "unavailable";
    }
    return "failed";
}

std::optional<ErrorCode> error_code_from(std::string_view text) {
    for (const ErrorCode code : kCodes) {
        if (to_string(code) == text) {
            return code;
        }
    }
    return std::nullopt;
}

Failure make_failure(ErrorCode code, std::string message, std::string hint) {
    Failure failure;
    failure.code = code;
    failure.message = std::move(message);
    failure.hint = std::move(hint);
    return failure;
}

Failure usage_failure(const FieldError& error) {
    Failure failure = make_failure(ErrorCode::kUsage, error.to_string(),
                                   "docs/control-protocol.md lists the fields of every verb");
    failure.pointer = error.pointer;
    return failure;
}

Json to_json(const Failure& failure) {
    Json value = {
        {"code", to_string(failure.code)}, {"message", failure.message}, {"hint", failure.hint}};
    if (!failure.pointer.empty()) {
        value["pointer"] = failure.pointer;
    }
    if (!failure.outcome.empty()) {
        value["outcome"] = failure.outcome;
    }
    if (failure.guest_status) {
        value["guest_status"] = *failure.guest_status;
    }
    return value;
}

Failure failure_from_json(const Json& value) {
    Failure failure = make_failure(ErrorCode::kFailed, "the worker gave no reason");
    if (!value.is_object()) {
        return failure;
    }
    failure.code = error_code_from(text_of(value, "code")).value_or(ErrorCode::kFailed);
    if (auto message = text_of(value, "message"); !message.empty()) {
        failure.message = std::move(message);
    }
    failure.hint = text_of(value, "hint");
    failure.pointer = text_of(value, "pointer");
    failure.outcome = text_of(value, "outcome");
    const auto status = value.find("guest_status");
    if (status != value.end() && status->is_number_unsigned()) {
        failure.guest_status = static_cast<uint32_t>(status->get<uint64_t>());
    }
    return failure;
}

}  // namespace hvis::control
