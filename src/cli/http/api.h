#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/http/http_client.h"
#include "control/json.h"

namespace hvis::cli {

using control::Json;
using Document = std::shared_ptr<const Json>;

/// How long hvisd may take for what it answers by itself.
inline constexpr std::chrono::seconds kPatience{30};
/// What we wait beyond a time-out that hvisd or a worker keeps, so that its own verdict arrives.
inline constexpr std::chrono::seconds kMargin{5};

/// A path and query below /api/v1, percent-encoded as it grows.
class Target {
public:
    /// `path` is taken as it is: "/vms".
    explicit Target(std::string_view path) : text_("/api/v1" + std::string(path)) {}
    /// "/api/v1/vms/NAME".
    static Target vm(std::string_view name) { return Target("/vms") / name; }

    /// Adds a segment of the path, whatever characters it has.
    Target operator/(std::string_view segment) const;
    /// Adds a field of the query; an empty value adds nothing.
    [[nodiscard]] Target with(std::string_view name, std::string_view value) const;

    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
    bool has_query_ = false;
};

/// hvisd's API: documents in, documents out, problem documents as Failures. One thread.
class Api {
public:
    /// `interrupt` becomes readable at Ctrl+C; -1: never.
    Api(Endpoint endpoint, int interrupt) : client_(std::move(endpoint)), interrupt_(interrupt) {}

    [[nodiscard]] const Endpoint& endpoint() const { return client_.endpoint(); }
    [[nodiscard]] int interrupt() const { return interrupt_; }

    Result<Document, Failure> get(const Target& target, Duration patience = kPatience);
    /// `method`: POST, PUT, PATCH (a merge patch) or DELETE.
    Result<Document, Failure> send(std::string_view method, const Target& target, const Json& body,
                                   Duration patience = kPatience);
    Result<Document, Failure> remove(const Target& target, Duration patience = kPatience);
    /// Hands each server-sent event to `take` until it returns false or the stream ends. What is
    /// not JSON is dropped.
    using Take = std::function<bool(const std::string& type, const Json& data)>;
    Result<void, Failure> follow(const Target& target, const Take& take);

private:
    Result<Document, Failure> call(const HttpRequest& request, Duration patience);

    HttpClient client_;
    int interrupt_;
};

/// What a reply that is no success means.
Failure failure_of(const HttpReply& reply);

}  // namespace hvis::cli
