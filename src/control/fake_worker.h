#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "control/client.h"
#include "control/server.h"

namespace hvis::control {

/// A server on a loop of its own thread, in a directory of its own, for tests.
class FakeWorker {
public:
    explicit FakeWorker(Server::Handler handler);
    FakeWorker(const FakeWorker&) = delete;
    FakeWorker& operator=(const FakeWorker&) = delete;
    ~FakeWorker();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Runs `work` on the loop's thread and waits for it.
    void on_loop(const std::function<void()>& work);
    [[nodiscard]] EventLog& events() { return events_; }
    [[nodiscard]] Server& server() { return *server_; }
    /// The server goes, and another comes in its place that says it is this run.
    void restart(const std::string& run);
    /// A client that has said hello.
    [[nodiscard]] Client connect() const;

private:
    void listen(const std::string& run);

    Server::Handler handler_;
    std::string directory_;
    std::string path_;
    std::unique_ptr<loop::Loop> loop_;
    EventLog events_;
    std::unique_ptr<Server> server_;
    std::jthread thread_;
};

/// A deadline that no test should come near.
inline TimePoint soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

}  // namespace hvis::control
