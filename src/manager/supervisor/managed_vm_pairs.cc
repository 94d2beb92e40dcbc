// The pairs that the host keeps: where the guest cannot be asked for as long as somebody wants it
// so, they are read and changed here, and the guest is told when it comes back.
#include <utility>

#include <nlohmann/json.hpp>

#include "base/utf16.h"
#include "control/host_facts.h"
#include "manager/supervisor/managed_vm.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Json;
using control::Pool;

constexpr std::string_view kHowToReadHeldPairs =
    "what the host keeps for the guest is there all the same: 'hvis kvp list NAME --held'";

using Answer = Result<std::shared_ptr<const Json>, Failure>;

Failure too_many_pairs() {
    Failure failure = control::make_failure(
        ErrorCode::kFailed,
        "the host holds " + std::to_string(kMaxHeldPairs) + " pairs in this pool already",
        "delete some first");
    failure.outcome = "refused";
    return failure;
}

Failure pair_is_there() {
    Failure failure = control::make_failure(ErrorCode::kFailed, "the key is there already",
                                            "set it instead of adding it");
    failure.outcome = "refused";
    return failure;
}

Failure no_such_pair(const std::string& key) {
    return control::make_failure(ErrorCode::kNotFound, "the host holds no pair with the key \"" +
                                                           escape_for_display(key) + "\"");
}

Failure only_the_guest_has_it() {
    return control::make_failure(ErrorCode::kUnavailable,
                                 "the VM is not running: only its guest has this pool",
                                 "start the VM");
}

/// Of a fact that nothing was set in place of: what a start gives the guest cannot be taken away.
Failure fact_of_the_host(const std::string& key) {
    Failure failure = control::make_failure(
        ErrorCode::kFailed, key + " is a fact of the host, which each start tells the guest",
        "it cannot be deleted; set another value in its place");
    failure.outcome = "refused";
    return failure;
}

Answer empty_answer(const Result<void, Failure>& kept) {
    return kept ? Answer(std::make_shared<const Json>(Json::object()))
                : Answer(std::unexpected(kept.error()));
}

Answer answer_with(Pool pool, std::vector<control::KvpPair> pairs) {
    return std::make_shared<const Json>(control::to_json(
        control::CommandResult(control::KvpResult{.pool = pool, .pairs = std::move(pairs)})));
}

}  // namespace

bool ManagedVm::guest_is_shut_off() const {
    const Json* kvp = status_ != nullptr ? service_in(*status_, control::Service::kKvp) : nullptr;
    return state() == "paused" || (kvp != nullptr && kvp->value("enabled", Json()) == false);
}

uint64_t ManagedVm::ask_or_hold(const control::EncodedCommand& command, Held held, Shaped told,
                                const Answered& answered) {
    if (at_rest()) {
        answered(held());
        return 0;
    }
    const auto shaped = [this, held = std::move(held), told = std::move(told),
                         answered](Answer reply) {
        if (reply || reply.error().code != ErrorCode::kUnavailable) {
            answered(told(std::move(reply)));
            return;
        }
        // Only a status of after the refusal says whether that lasts until somebody changes it.
        refresh_status([this, held, told, answered, reply = std::move(reply)](bool fresh) {
            answered(fresh && guest_is_shut_off() ? held() : told(reply));
        });
    };
    auto passed = pass(command, shaped);
    if (!passed) {
        answered(std::unexpected(passed.error()));
        return 0;
    }
    return *passed;
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
    return ask_or_hold(
        command,
        [this, pair, only_add = set.only_add] {
            return only_add && pairs_.has(pair.pool, pair.key)
                       ? Answer(std::unexpected(pair_is_there()))
                       : empty_answer(pairs_.hold(pair));
        },
        [this, pair](Answer reply) {
            if (reply) {
                if (const auto held = pairs_.hold(pair); !held) {
                    Failure failure = held.error();
                    failure.message =
                        "the guest has the pair, but it could not be kept: " + failure.message;
                    return Answer(std::unexpected(failure));
                }
            }
            return reply;
        },
        std::move(answered));
}

uint64_t ManagedVm::delete_pair(const control::EncodedCommand& command, Answered answered) {
    const auto decoded = control::decode_command(command.verb, *command.args);
    if (!decoded) {
        answered(std::unexpected(decoded.error()));
        return 0;
    }
    const auto& wanted = std::get<control::KvpDeleteCommand>(*decoded);
    const bool fact = wanted.pool == Pool::kParameters && control::is_host_fact(wanted.key);
    if (fact && !pairs_.has(wanted.pool, wanted.key)) {
        answered(std::unexpected(fact_of_the_host(wanted.key)));
        return 0;
    }
    return ask_or_hold(
        command,
        [this, fact, pool = wanted.pool, key = wanted.key] {
            if (!pairs_.has(pool, key)) {
                return Answer(std::unexpected(no_such_pair(key)));
            }
            // The next start sets the fact itself: there is nothing to delete in the guest.
            return empty_answer(fact ? pairs_.drop(pool, key) : pairs_.drop_untold(pool, key));
        },
        [this, pool = wanted.pool, key = wanted.key](Answer reply) {
            // A pair that the guest has lost is deleted all the same: it would come back otherwise.
            const bool lost = !reply && reply.error().code == ErrorCode::kNotFound;
            const bool held = pairs_.has(pool, key);
            if (reply || lost) {
                if (const auto dropped = pairs_.drop(pool, key); !dropped) {
                    return Answer(std::unexpected(dropped.error()));
                }
            }
            return lost && held ? empty_answer({}) : std::move(reply);
        },
        std::move(answered));
}

uint64_t ManagedVm::read_pairs(const control::EncodedCommand& command, Answered answered) {
    const auto decoded = control::decode_command(command.verb, *command.args);
    if (!decoded) {
        answered(std::unexpected(decoded.error()));
        return 0;
    }
    const auto* get = std::get_if<control::KvpGetCommand>(&*decoded);
    const Pool pool = get != nullptr ? get->pool : std::get<control::KvpListCommand>(*decoded).pool;
    if (!HeldPairs::is_hosts(pool)) {
        if (!at_rest()) {
            return ask(command, nullptr, std::move(answered));
        }
        answered(std::unexpected(only_the_guest_has_it()));
        return 0;
    }
    const auto key = get != nullptr ? std::optional(get->key) : std::nullopt;
    return ask_or_hold(
        command,
        [this, pool, key] {
            auto pairs = pairs_.of(pool);
            if (key) {
                std::erase_if(pairs, [&](const auto& pair) { return pair.key != *key; });
            }
            return key && pairs.empty() ? Answer(std::unexpected(no_such_pair(*key)))
                                        : answer_with(pool, std::move(pairs));
        },
        [](Answer reply) {
            if (!reply && (reply.error().code == ErrorCode::kUnavailable ||
                           reply.error().code == ErrorCode::kTimedOut)) {
                std::string& hint = reply.error().hint;
                hint += (hint.empty() ? "" : "; ") + std::string(kHowToReadHeldPairs);
            }
            return reply;
        },
        std::move(answered));
}

}  // namespace hvis::manager
