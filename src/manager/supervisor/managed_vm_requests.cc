#include <utility>

#include <nlohmann/json.hpp>

#include "control/busy.h"
#include "manager/supervisor/managed_vm.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Json;

/// For verbs that name no timeout_ms of their own.
constexpr auto kReplyTime = std::chrono::seconds(10);
/// Arguments that were made here hold signed numbers, those that came as text unsigned ones.
Duration patience(const Json& args) {
    const auto timeout = args.find("timeout_ms");
    if (timeout == args.end() || !timeout->is_number_integer() || *timeout < 0) {
        return kReplyTime;
    }
    return *timeout > control::kMaxTimeout.count() ? control::kMaxTimeout
                                                   : control::Milliseconds(timeout->get<int64_t>());
}

/// Of the requests that a worker takes at once, those that only shutdown, restart and hibernate
/// get: whatever else is asked of a VM, it can be stopped.
constexpr size_t kKeptForStops = 3;
bool may_stop(const control::EncodedCommand& command) {
    return command.verb == "shutdown" || command.verb == "restart" || command.verb == "hibernate";
}

bool changes_state(const control::EncodedCommand& command) {
    return command.verb == "pause" || command.verb == "resume" || command.verb == "reset";
}

}  // namespace

Result<uint64_t, Failure> ManagedVm::pass(const control::EncodedCommand& command, Answered answered,
                                          control::Link::Told told) {
    control::Link* link = live_link();
    if (link == nullptr) {
        return std::unexpected(control::make_failure(
            ErrorCode::kUnavailable, "the VM is not running: it is " + state(),
            phase_ == Phase::kStopped ? "start it first" : "wait until it runs"));
    }
    if (!may_stop(command) &&
        link->outstanding() + kKeptForStops >= control::Link::kMaxOutstanding) {
        return std::unexpected(
            control::too_many("too many requests to this VM are under way",
                              "wait for some to end, or cancel them: 'hvis operation list'"));
    }
    if (told) {
        return link->follow(command, std::move(told), std::move(answered));
    }
    return link->request(command,
                         loop::Loop::now() + patience(*command.args) + timings().reply_slack,
                         std::move(answered));
}

uint64_t ManagedVm::request(const control::EncodedCommand& command, control::Link::Told told,
                            Answered answered) {
    if (command.verb == "kvp.set" || command.verb == "kvp.add") {
        return set_pair(command, std::move(answered));
    }
    if (command.verb == "kvp.delete") {
        return delete_pair(command, std::move(answered));
    }
    if (command.verb == "kvp.list" || command.verb == "kvp.get") {
        return read_pairs(command, std::move(answered));
    }
    if (changes_state(command)) {
        return ask(command, nullptr, [this, answered = std::move(answered)](auto reply) {
            if (!reply) {
                answered(std::move(reply));
                return;
            }
            // The worker's own word of it may come a second later: whoever asks for the list after
            // this answer is to find the VM in it as it is.
            refresh_status([answered, reply = std::move(reply)](bool) { answered(reply); });
        });
    }
    return ask(command, std::move(told), std::move(answered));
}

uint64_t ManagedVm::ask(const control::EncodedCommand& command, control::Link::Told told,
                        const Answered& answered) {
    auto passed = pass(command, answered, std::move(told));
    if (!passed) {
        answered(std::unexpected(passed.error()));
        return 0;
    }
    return *passed;
}

void ManagedVm::cancel(uint64_t request) {
    if (control::Link* link = live_link(); link != nullptr) {
        link->cancel(request);
    }
}

}  // namespace hvis::manager
