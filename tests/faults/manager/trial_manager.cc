// hvisd without its API: store, event log and supervisor. Usage: trial_manager DIRECTORY WORKER VMS
// Defines and starts the VMs at its first start; then runs until it is killed. Makes the file
// DIRECTORY/caught-up when it has committed events of every VM.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "loop/loop.h"
#include "manager/events/event_log.h"
#include "manager/store/store.h"
#include "manager/supervisor/supervisor.h"

namespace {

using namespace hvis;
using namespace hvis::manager;

void define_and_start(Supervisor& supervisor, int vms) {
    for (int number = 0; number < vms; ++number) {
        const auto definition = parse_definition(
            {{"name", "vm" + std::to_string(number)},
             {"memory", "64M"},
             {"kernel", "/none"},
             {"restart", {{"attempts", 1000}, {"first_delay_ms", 10}, {"longest_delay_ms", 10}}}});
        if (!definition || !supervisor.define(*definition)) {
            std::exit(3);
        }
        supervisor.start(definition->id, [](const auto&) {});
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    const std::string directory = argv[1];
    auto loop = loop::Loop::create();
    auto store = Store::open(directory + "/hvis.db");
    if (!loop || !store) {
        std::fputs(store ? "no loop\n" : (store.error().message + "\n").c_str(), stderr);
        return 1;
    }
    EventLog log(**loop, **store, EventLog::Retention());
    auto supervisor = Supervisor::create({.launcher = SupervisorConfig::Launcher::kChild,
                                          .worker = argv[2],
                                          .runtime_directory = directory,
                                          .state_directory = directory + "/state",
                                          .timings = {}},
                                         **loop, **store, log);
    if (!supervisor) {
        std::fputs((supervisor.error().message + "\n").c_str(), stderr);
        return 1;
    }
    // Tells the test that events of every VM have been committed in this life.
    std::set<Guid> heard;
    log.subscribe([&](const StoredEvent& event) {
        if (event.vm && event.name == "vm_stopped" && heard.insert(*event.vm).second &&
            heard.size() == static_cast<size_t>(std::atoi(argv[3]))) {
            std::ofstream(directory + "/caught-up");
        }
    });
    (*supervisor)->begin();
    if (const int vms = std::atoi(argv[3]); (*supervisor)->count() < static_cast<size_t>(vms)) {
        define_and_start(**supervisor, vms);
    }
    (*loop)->run();
    return 0;
}
