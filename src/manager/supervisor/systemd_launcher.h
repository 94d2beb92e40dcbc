#pragma once

#include <map>
#include <memory>
#include <string>

#include "loop/loop.h"
#include "manager/supervisor/bus.h"
#include "manager/supervisor/launcher.h"
#include "manager/supervisor/systemd_link.h"

namespace hvis::manager {

/// Runs each worker as a transient unit `hvis-vm@ID.service`: in a control group of its own, which
/// hvisd's restart does not touch, confined by systemd. Needs the right to manage units. While
/// systemd cannot be asked, what is wanted of it waits, for as long as a SystemdLink is patient.
class SystemdLauncher final : public Launcher {
public:
    /// A start that systemd has not carried out by then has failed.
    static constexpr Duration kJobTime = std::chrono::seconds(30);

    /// Root asks the system's systemd, anyone else the user's own.
    static Result<std::unique_ptr<SystemdLauncher>, Failure> create(loop::Loop& loop);
    static Result<std::unique_ptr<SystemdLauncher>, Failure> create(loop::Loop& loop,
                                                                    SystemdLink::Open open,
                                                                    Bus::Scope scope,
                                                                    SystemdLink::Patience patience);
    ~SystemdLauncher() override;

    void launch(const Order& order, Launched launched) override;
    void find(const Order& order, Found found) override;
    void kill(const Order& order, const WorkerProcess* process) override;

    /// Whether systemd can be asked now.
    [[nodiscard]] bool connected() const { return link_.ready(); }
    static std::string unit_of(const Guid& vm);

private:
    struct Start {
        Launched launched;
        std::string program;  ///< the worker's
        std::string job;      ///< object path, once systemd has named it
        loop::Loop::TimerId timer = 0;
    };
    struct Call;

    SystemdLauncher(loop::Loop& loop, SystemdLink::Open open, Bus::Scope scope,
                    SystemdLink::Patience patience);
    Result<void, Failure> listen(Bus& bus);
    void look_after_starts();
    void start_unit(const Order& order);
    void kill_unit(const Order& order);
    sd_bus_message* method(const char* member);
    static int job_removed(sd_bus_message* message, void* launcher);
    void job_ended(const std::string& job, const std::string& unit, const std::string& result);
    void main_process_of(const std::string& unit);
    void finish(const std::string& unit, Result<WorkerProcess, Failure> process);
    /// Sends `message` and calls back with the reply, or nullptr and what was wrong.
    void call(sd_bus_message* message,
              std::function<void(sd_bus_message* reply, const Failure& failure)> answered);
    void get_property(const std::string& unit, const char* interface, const char* property,
                      std::function<void(sd_bus_message* reply, const Failure& failure)> answered);

    loop::Loop& loop_;
    Bus::Scope scope_;
    std::map<std::string, Start> starts_;
    SystemdLink link_;
};

}  // namespace hvis::manager
