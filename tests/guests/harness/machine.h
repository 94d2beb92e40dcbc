#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/commands.h"
#include "harness/event_stream.h"
#include "harness/machine_config.h"
#include "harness/process.h"
#include "harness/reply.h"
#include "harness/scratch.h"

namespace hvis::guests {

/// One service as `service.list` tells it.
struct ServiceView {
    bool enabled = false;
    std::string primary;
    std::string secondary;
    std::string framework;
    std::string message;
    std::string since;
    std::string explanation;
    std::string applications;
};

/// A running hvis-vm: its process, its control socket and its events. Knows nothing of what runs
/// inside it. Whatever goes wrong is a failure of the running test.
class Machine {
public:
    /// Writes the configuration, starts hvis-vm and connects; nullptr after a failure.
    static std::unique_ptr<Machine> start(const MachineConfig& config);

    /// Asks for one thing and waits for the answer.
    Reply call(const control::Command& command);
    /// The same with arguments that no command struct can hold; they are JSON text.
    Reply call_raw(const std::string& verb, const std::string& args = "{}");
    /// The same on a connection of its own, so that the test can go on meanwhile.
    std::future<Reply> call_apart(control::Command command);

    ServiceView service(std::string_view name);
    /// The machine's state word.
    std::string state();

    EventStream::Mark mark() { return events_->mark(); }
    /// Waits for an event after the mark; a failure, and an empty one, when it does not come.
    SeenEvent wait_for_event(const std::string& name, EventStream::Mark mark);
    /// The same of one service.
    SeenEvent wait_for_event(const std::string& name, const std::string& service,
                             EventStream::Mark mark);
    EventStream& events() { return *events_; }

    /// The exit status of hvis-vm, or nothing if it does not end.
    std::optional<int> wait_exit();
    [[nodiscard]] Process& process() { return *process_; }
    [[nodiscard]] const MachinePaths& paths() const { return paths_; }
    [[nodiscard]] std::string log() const { return read_file(scratch_.path("err")); }

private:
    Machine() = default;
    SeenEvent await(const std::string& what, EventStream::Mark mark,
                    const std::function<bool(const SeenEvent&)>& wanted);

    Scratch scratch_;
    MachinePaths paths_;
    std::unique_ptr<Process> process_;
    std::optional<control::Client> client_;
    std::optional<EventStream> events_;
};

/// Looks again and again until it holds; false if it never did. For what no event tells of.
bool wait_until(const std::function<bool()>& holds, Clock::duration patience = kEventPatience);

/// The path of the hvis-vm under test: $HVIS_VM, or the one of this build.
std::string hvis_vm();

}  // namespace hvis::guests
