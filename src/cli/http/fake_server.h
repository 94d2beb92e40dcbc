#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace hvis::cli {

/// One request as the fake took it.
struct FakeRequest {
    std::string method;
    std::string target;
    std::string head;  ///< request line and headers, as they came
    std::string body;
    /// "GET /api/v1/vms {body}"
    [[nodiscard]] std::string line() const;
};

/// An HTTP/1.1 server on a Unix socket in a directory of its own, for tests: `answer` gives each
/// request the whole text of its reply, then the connection is closed.
class FakeServer {
public:
    using Answer = std::function<std::string(const FakeRequest&)>;
    explicit FakeServer(Answer answer);
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;
    ~FakeServer();

    [[nodiscard]] std::string path() const { return directory_ + "/hvisd.sock"; }
    [[nodiscard]] const std::string& directory() const { return directory_; }
    /// The lines of all requests so far.
    [[nodiscard]] std::vector<std::string> lines() const;
    [[nodiscard]] std::vector<FakeRequest> requests() const;

private:
    void serve();
    void serve_one(int connection);

    std::string directory_;
    UniqueFd listener_;
    UniqueFd stop_;
    Answer answer_;
    mutable std::mutex mutex_;
    std::vector<FakeRequest> requests_;  // guarded by mutex_
    std::jthread thread_;
};

/// A whole reply with this body.
std::string reply_text(int status, const std::string& body,
                       const std::string& type = "application/json");

}  // namespace hvis::cli
