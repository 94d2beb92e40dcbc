#include "cli/http/api.h"

#include <nlohmann/json.hpp>

#include "cli/http/event_stream.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;

/// RFC 3986 section 2.3: what stands for itself everywhere.
bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

std::string encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kDigits[byte >> 4U];
            out += kDigits[byte & 0xfU];
        }
    }
    // A proxy or a server would take these two for steps in the path.
    return out == "." || out == ".." ? "%2E" + out.substr(1) : out;
}

ErrorCode code_of(unsigned status) {
    switch (status) {
        case 400:
        case 413:
        case 415:
        case 422:
            return ErrorCode::kUsage;
        case 404:
            return ErrorCode::kNotFound;
        case 504:
            return ErrorCode::kTimedOut;
        default:
            return ErrorCode::kFailed;
    }
}

std::string hint_of(unsigned status) {
    switch (status) {
        case 401:
            return "name a token: --token-file FILE or $HVIS_TOKEN; 'hvis token create' makes one";
        case 403:
            return "an administrator gives a higher role: 'hvis token create --role', or [roles] "
                   "in "
                   "hvisd.toml";
        case 404:
        case 405:
            return "hvis and hvisd may be of different versions: 'hvis version' shows both";
        default:
            return "see what hvisd says: journalctl -u hvisd";
    }
}

bool is_success(const HttpReply& reply) { return reply.status >= 200 && reply.status < 300; }

TimePoint from_now(Duration duration) { return std::chrono::steady_clock::now() + duration; }

}  // namespace

Target Target::operator/(std::string_view segment) const {
    Target longer = *this;
    longer.text_ += "/" + encoded(segment);
    return longer;
}

Target Target::with(std::string_view name, std::string_view value) const {
    Target longer = *this;
    if (!value.empty()) {
        longer.text_ += (has_query_ ? "&" : "?") + std::string(name) + "=" + encoded(value);
        longer.has_query_ = true;
    }
    return longer;
}

Failure failure_of(const HttpReply& reply) {
    const auto problem = control::parse_json(reply.body, kMaxReplyBytes);
    if (!problem || !(*problem)->is_object()) {
        return make_failure(code_of(reply.status),
                            "hvisd answered with HTTP status " + std::to_string(reply.status),
                            hint_of(reply.status));
    }
    // RFC 9457: "detail" is the sentence about this occurrence, "title" that of the kind.
    Failure failure = control::failure_from_json(**problem);
    const auto text = [&](const char* name) {
        const Json& member = control::member_of(**problem, name);
        return member.is_string() ? member.get<std::string>() : std::string();
    };
    if (!control::error_code_from(text("code"))) {
        failure.code = code_of(reply.status);
    }
    failure.message = text("detail").empty() ? text("title") : text("detail");
    // hvisd's own hint for 401 is for those who write HTTP themselves.
    if (reply.status == 401 || (reply.status == 403 && failure.hint.empty())) {
        failure.hint = hint_of(reply.status);
    }
    return failure;
}

Result<Document, Failure> Api::call(const HttpRequest& request, Duration patience) {
    const HttpReply reply = HVIS_TRY(
        client_.exchange(request, {.deadline = from_now(patience), .interrupt = interrupt_}));
    if (!is_success(reply)) {
        return std::unexpected(failure_of(reply));
    }
    if (reply.body.empty()) {
        return std::make_shared<const Json>(Json::object());
    }
    auto document = control::parse_json(reply.body, kMaxReplyBytes);
    if (!document) {
        return std::unexpected(make_failure(
            ErrorCode::kFailed,
            to_string(endpoint()) + " does not answer in JSON: " + document.error().to_string(),
            "check that --url or --socket is that of hvisd"));
    }
    return *document;
}

Result<Document, Failure> Api::get(const Target& target, Duration patience) {
    HttpRequest request;
    request.target = target.text();
    return call(request, patience);
}

Result<Document, Failure> Api::send(std::string_view method, const Target& target, const Json& body,
                                    Duration patience) {
    HttpRequest request;
    request.method = method;
    request.target = target.text();
    request.body = control::dump_json(body);
    request.content_type = method == "PATCH" ? "application/merge-patch+json" : "application/json";
    return call(request, patience);
}

Result<Document, Failure> Api::remove(const Target& target, Duration patience) {
    HttpRequest request;
    request.method = "DELETE";
    request.target = target.text();
    return call(request, patience);
}

Result<void, Failure> Api::follow(const Target& target, const Take& take) {
    HttpRequest request;
    request.target = target.text();
    request.accept = "text/event-stream";
    EventStreamParser parser;
    const auto sink = [&](std::string_view bytes) {
        for (const ServerEvent& event : parser.feed(bytes)) {
            const auto data = control::parse_json(event.data, EventStreamParser::kMaxEventBytes);
            if (data && !take(event.type, **data)) {
                return false;
            }
        }
        return true;
    };
    const HttpReply reply = HVIS_TRY(
        client_.follow(request, {.deadline = from_now(kPatience), .interrupt = interrupt_}, sink));
    if (!is_success(reply)) {
        return std::unexpected(failure_of(reply));
    }
    return {};
}

}  // namespace hvis::cli
