#include "manager/api/problem.h"

#include <nlohmann/json.hpp>

#include "control/busy.h"

namespace hvis::manager {
namespace {

/// Of what is too much just now; bounds are reached and left within moments.
constexpr const char* kRetryAfterSeconds = "1";

/// Who speaks HTTP knows requests, not the verbs of the control protocol.
const std::string& hint_of(const Failure& failure) {
    static const std::string of_verbs = control::usage_failure({}).hint;
    static const std::string of_requests =
        "GET /api/v1/openapi.yaml has the fields of every request";
    return failure.hint == of_verbs ? of_requests : failure.hint;
}

}  // namespace

unsigned http_status_of(const Failure& failure) {
    switch (failure.code) {
        case control::ErrorCode::kUsage:
            return 400;
        case control::ErrorCode::kNotFound:
            return 404;
        case control::ErrorCode::kTimedOut:
            return 504;
        case control::ErrorCode::kUnavailable:
            return 409;
        case control::ErrorCode::kFailed:
            break;
    }
    if (failure.outcome == control::kBusy) {
        return 503;
    }
    return failure.outcome.empty() ? 500 : 409;
}

HttpResponse problem(unsigned status, const Failure& failure) {
    control::Json document = {{"type", "about:blank"},
                              {"title", status_phrase(status)},
                              {"status", status},
                              {"detail", failure.message},
                              {"code", control::to_string(failure.code)},
                              {"hint", hint_of(failure)}};
    if (failure.pointer.starts_with(kParameterMark)) {
        document["parameter"] = failure.pointer.substr(1);
    } else if (!failure.pointer.empty()) {
        document["pointer"] = failure.pointer;
    }
    if (!failure.outcome.empty()) {
        document["outcome"] = failure.outcome;
    }
    if (failure.guest_status) {
        document["guest_status"] = *failure.guest_status;
    }
    HttpResponse response{.status = status,
                          .content_type = "application/problem+json",
                          .headers = {},
                          .body = control::dump_json(document),
                          .render = {}};
    if (status == 503) {
        response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
    }
    return response;
}

std::string_view status_phrase(unsigned status) {
    switch (status) {
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return "Error";
    }
}

}  // namespace hvis::manager
