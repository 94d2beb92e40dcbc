#include "harness/machine.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>

namespace hvis::guests {
namespace {

/// Longer than any deadline that a request itself carries.
constexpr auto kCallPatience = std::chrono::minutes(15);

std::optional<control::Client> connect(const std::string& path, Process& worker) {
    const auto deadline = Clock::now() + kReplyPatience;
    std::optional<control::Client> client;
    wait_until(
        [&] {
            if (auto connected = control::Client::connect(path, deadline)) {
                client = *std::move(connected);
            }
            return client.has_value() || !worker.running();
        },
        kReplyPatience);
    return client;
}

}  // namespace

std::unique_ptr<Machine> Machine::start(const MachineConfig& config) {
    std::unique_ptr<Machine> machine(new Machine);
    const Scratch& scratch = machine->scratch_;
    machine->paths_ = {.control = scratch.path("control"), .serial = scratch.path("serial")};
    write_file(scratch.path("config.json"), config_text(config, machine->paths_));
    machine->process_ = Process::start({hvis_vm(), scratch.path("config.json")},
                                       scratch.path("out"), scratch.path("err"));
    if (machine->process_ == nullptr) {
        ADD_FAILURE() << "cannot start " << hvis_vm();
        return nullptr;
    }
    machine->client_ = connect(machine->paths_.control, *machine->process_);
    if (machine->client_) {
        machine->events_ = EventStream::open(machine->paths_.control);
    }
    if (!machine->events_) {
        ADD_FAILURE() << "hvis-vm does not answer on its control socket; its log:\n"
                      << machine->log();
        return nullptr;
    }
    return machine;
}

Reply Machine::call(const control::Command& command) {
    return Reply(client_->call(command, Clock::now() + kCallPatience));
}

Reply Machine::call_raw(const std::string& verb, const std::string& args) {
    const control::EncodedCommand command{
        .verb = verb, .args = std::make_shared<const control::Json>(control::Json::parse(args))};
    return Reply(client_->call(command, Clock::now() + kReplyPatience));
}

std::future<Reply> Machine::call_apart(control::Command command) {
    return std::async(std::launch::async, [path = paths_.control, command = std::move(command)] {
        auto client = control::Client::connect(path, Clock::now() + kReplyPatience);
        return client ? Reply(client->call(command, Clock::now() + kCallPatience))
                      : Reply(std::unexpected(std::move(client).error()));
    });
}

ServiceView Machine::service(std::string_view name) {
    const Reply list = call(control::ServiceListCommand{});
    for (size_t i = 0; i < list.size("/services"); ++i) {
        const std::string at = "/services/" + std::to_string(i);
        if (list.text(at + "/service") == name) {
            return {.enabled = list.flag(at + "/enabled"),
                    .primary = list.text(at + "/primary"),
                    .secondary = list.text(at + "/secondary"),
                    .framework = list.text(at + "/framework"),
                    .message = list.text(at + "/message"),
                    .since = list.text(at + "/since"),
                    .explanation = list.text(at + "/explanation"),
                    .applications = list.text(at + "/applications")};
        }
    }
    return {};
}

std::string Machine::state() { return call(control::StatusCommand{}).text("/state"); }

SeenEvent Machine::wait_for_event(const std::string& name, EventStream::Mark mark) {
    return await(name, mark, [&](const SeenEvent& event) { return event.name == name; });
}

SeenEvent Machine::wait_for_event(const std::string& name, const std::string& service,
                                  EventStream::Mark mark) {
    return await(name + " of " + service, mark, [&](const SeenEvent& event) {
        return event.name == name && event.service == service;
    });
}

SeenEvent Machine::await(const std::string& what, EventStream::Mark mark,
                         const std::function<bool(const SeenEvent&)>& wanted) {
    const auto event = events_->wait(mark, wanted, Clock::now() + kEventPatience);
    if (!event) {
        std::string came;
        for (const SeenEvent& other : events_->since(mark)) {
            came += "  " + other.name + ": " + other.text + "\n";
        }
        ADD_FAILURE() << "no event " << what << "; what came instead:\n" << came;
    }
    return event.value_or(SeenEvent{});
}

std::optional<int> Machine::wait_exit() { return process_->wait(Clock::now() + kExitPatience); }

bool wait_until(const std::function<bool()>& holds, Clock::duration patience) {
    const auto deadline = Clock::now() + patience;
    while (!holds()) {
        if (Clock::now() >= deadline) {
            return false;
        }
        ::poll(nullptr, 0, static_cast<int>(kLookInterval.count()));
    }
    return true;
}

std::string hvis_vm() {
    const char* chosen = std::getenv("HVIS_VM");
    return chosen == nullptr ? HVIS_VM_PROGRAM : chosen;
}

}  // namespace hvis::guests
