#include <utility>

#include <nlohmann/json.hpp>

#include "manager/supervisor/managed_vm.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Json;
using control::Pool;

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

Failure too_many_pairs() {
    return control::make_failure(
        ErrorCode::kFailed,
        "the host holds " + std::to_string(kMaxHeldPairs) + " pairs in this pool already",
        "delete some first");
}

// Pairs of a VM without a worker are changed where they are kept; its next worker gets them.
using Answer = Result<std::shared_ptr<const Json>, Failure>;

Failure pair_is_there() {
    Failure failure = control::make_failure(ErrorCode::kFailed, "the key is there already",
                                            "set it instead of adding it");
    failure.outcome = "refused";
    return failure;
}

Failure no_such_pair() {
    return control::make_failure(ErrorCode::kNotFound, "the host holds no pair with this key");
}

Answer empty_answer(const Result<void, Failure>& kept) {
    return kept ? Answer(std::make_shared<const Json>(Json::object()))
                : Answer(std::unexpected(kept.error()));
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
            control::make_failure(ErrorCode::kFailed, "too many requests to this VM are under way",
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

uint64_t ManagedVm::set_pair(const control::EncodedCommand& command, Answered answered) {
    const auto decoded = control::decode_command(command.verb, *command.args);
    if (!decoded) {
        answered(std::unexpected(decoded.error()));
        return 0;
    }
    const auto& set = std::get<control::KvpSetCommand>(*decoded);
    if (pairs_.no_room_for(set.pool, set.key)) {
        answered(std::unexpected(too_many_pairs()));
        return 0;
    }
    const HeldPair pair{.pool = set.pool, .key = set.key, .value = set.value};
    if (at_rest()) {
        answered(set.only_add && pairs_.has(set.pool, set.key)
                     ? Answer(std::unexpected(pair_is_there()))
                     : empty_answer(pairs_.hold(pair)));
        return 0;
    }
    auto passed = pass(command, [this, pair, answered](auto reply) {
        if (reply) {
            if (const auto held = pairs_.hold(pair); !held) {
                Failure failure = held.error();
                failure.message =
                    "the guest has the pair, but it could not be kept: " + failure.message;
                answered(std::unexpected(failure));
                return;
            }
        }
        answered(std::move(reply));
    });
    if (!passed) {
        answered(std::unexpected(passed.error()));
        return 0;
    }
    return *passed;
}

uint64_t ManagedVm::delete_pair(const control::EncodedCommand& command, Answered answered) {
    const auto decoded = control::decode_command(command.verb, *command.args);
    if (!decoded) {
        answered(std::unexpected(decoded.error()));
        return 0;
    }
    const auto& wanted = std::get<control::KvpDeleteCommand>(*decoded);
    if (at_rest()) {
        answered(pairs_.has(wanted.pool, wanted.key)
                     ? empty_answer(pairs_.drop_untold(wanted.pool, wanted.key))
                     : Answer(std::unexpected(no_such_pair())));
        return 0;
    }
    auto passed = pass(command, [this, pool = wanted.pool, key = wanted.key, answered](auto reply) {
        // A pair that the guest has lost is deleted all the same: it would come back otherwise.
        const bool lost = !reply && reply.error().code == ErrorCode::kNotFound;
        const bool held = pairs_.has(pool, key);
        if (reply || lost) {
            if (const auto dropped = pairs_.drop(pool, key); !dropped) {
                answered(std::unexpected(dropped.error()));
                return;
            }
        }
        if (lost && held) {
            answered(std::make_shared<const Json>(Json::object()));
        } else {
            answered(std::move(reply));
        }
    });
    if (!passed) {
        answered(std::unexpected(passed.error()));
        return 0;
    }
    return *passed;
}

}  // namespace hvis::manager
