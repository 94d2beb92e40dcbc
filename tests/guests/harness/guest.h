#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "harness/console.h"
#include "harness/machine.h"

namespace hvis::guests {

/// How often a guest may be started that the emulated machine loses on its way up.
inline constexpr int kBootAttempts = 3;

/// A machine with a Debian guest in it that runs, as far as its console.
class Guest {
public:
    /// Starts it and waits until its console is ready; nullptr after a failure.
    static std::unique_ptr<Guest> boot(const MachineConfig& config = {});

    Machine& machine() { return *machine_; }
    Console& console() { return *console_; }
    Machine* operator->() { return machine_.get(); }

    /// Runs a shell command in the guest, whatever comes of it.
    CommandOutput run(std::string_view command, Clock::duration patience = kCommandPatience);
    /// Its output; a failure of the test if its status is not 0.
    std::string output(std::string_view command, Clock::duration patience = kCommandPatience);
    /// Its output as a number.
    int64_t number(std::string_view command);
    /// Whether its status is 0.
    bool succeeds(std::string_view command) { return run(command).status == 0; }
    /// Runs it until it succeeds; false if it never does.
    bool eventually(std::string_view command, Clock::duration patience = kEventPatience);

    /// The kernel's messages, those that match the extended regular expression.
    std::string dmesg(std::string_view pattern = ".");
    /// How many of them match.
    int64_t dmesg_count(std::string_view pattern);

    /// Waits for the status model's word about a service; a failure if it does not come to that.
    void expect_service(std::string_view service, std::string_view primary);
    /// Waits until every enabled service is ok.
    void expect_all_services_ok();
    /// Waits for the console after the guest has started anew.
    bool wait_ready();
    /// Whether the emulated machine has lost a patch of the guest's code, and with it the guest
    /// (lab/README.md); never so on a real one.
    bool lost_by_emulator();

    /// Puts all that is known of the machine into a folder of $HVIS_LAB_OUT and the last lines of
    /// it on the screen.
    void dump(const std::string& name);

private:
    Guest() = default;
    static std::unique_ptr<Guest> start(const MachineConfig& config);

    std::unique_ptr<Machine> machine_;
    std::unique_ptr<Console> console_;
};

}  // namespace hvis::guests
