#pragma once

#include <map>
#include <memory>
#include <string>

#include <sys/types.h>

#include "loop/loop.h"
#include "manager/supervisor/bus.h"

namespace hvis::manager {

/// As much of systemd's D-Bus interface as a launcher uses, on a message bus of its own and on the
/// loop of the test. Units are sleeping children.
class FakeSystemd {
public:
    explicit FakeSystemd(loop::Loop& loop);
    FakeSystemd(const FakeSystemd&) = delete;
    FakeSystemd& operator=(const FakeSystemd&) = delete;
    ~FakeSystemd();

    /// The daemon and the connection to it end; units live on.
    void stop_bus();
    /// A new daemon on the same address.
    void start_bus();
    /// Of the private dbus-daemon.
    [[nodiscard]] const std::string& address() const { return address_; }

    std::map<std::string, pid_t> units;             ///< running
    std::map<std::string, std::string> properties;  ///< of the newest unit, those of one value
    std::string exec_start;                         ///< of the newest unit, words joined
    std::string job_result = "done";
    int subscribed = 0;

    // For the method table.
    int start(sd_bus_message* message);
    int kill(sd_bus_message* message);

private:
    void spawn_daemon();
    void read_properties(sd_bus_message* message);
    void job_removed(const std::string& unit);

    loop::Loop& loop_;
    std::string directory_;
    std::string address_;
    pid_t daemon_ = 0;
    loop::Loop::TimerId timer_ = 0;
    std::unique_ptr<Bus> bus_;
};

}  // namespace hvis::manager
