#include "manager/supervisor/pair_restore.h"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::Json;
using control::Pool;

std::map<std::string, Json> pairs_in(const Json& result) {
    std::map<std::string, Json> pairs;
    if (const auto list = result.find("pairs"); list != result.end()) {
        for (const Json& pair : *list) {
            if (pair.is_object() && pair.contains("value") && pair.contains("key") &&
                pair.at("key").is_string()) {
                pairs[pair.at("key").get<std::string>()] = pair.at("value");
            }
        }
    }
    return pairs;
}

std::string name_of(const control::KvpListCommand&) { return "the held pairs"; }
std::string name_of(const control::KvpSetCommand& set) { return "the pair " + set.key; }
std::string name_of(const control::KvpDeleteCommand& gone) {
    return "the deletion of the pair " + gone.key;
}

}  // namespace

PairRestore::PairRestore(loop::Loop& loop, HeldPairs& pairs, const Timings& timings,
                         control::Link& link, Failed failed, Settled settled)
    : loop_(loop),
      pairs_(pairs),
      timings_(timings),
      link_(link),
      failed_(std::move(failed)),
      settled_(std::move(settled)) {}

PairRestore::~PairRestore() { loop_.cancel_timer(timer_); }

void PairRestore::begin() {
    stop();
    round_ = 0;
    told_ = false;
    start_round();
}

void PairRestore::stop() {
    ++begun_;
    is_settled_ = false;
    steps_.clear();
    loop_.cancel_timer(std::exchange(timer_, 0));
}

void PairRestore::start_round() {
    ++round_;
    again_ = false;
    for (const Pool pool : {Pool::kExternal, Pool::kParameters}) {
        if (!pairs_.of(pool).empty() || !pairs_.gone().of(pool).empty()) {
            steps_.emplace_back(control::KvpListCommand{.pool = pool});
        }
    }
    next_step();
}

void PairRestore::next_step() {
    while (!steps_.empty() && !is_due(steps_.front())) {
        steps_.pop_front();
    }
    if (!steps_.empty()) {
        const Step step = std::move(steps_.front());
        steps_.pop_front();
        std::visit(
            [&](const auto& command) {
                link_.request(control::encode_command(command),
                              loop::Loop::now() + command.timeout + timings_.reply_slack,
                              [this, step, begun = begun_](const auto& reply) {
                                  if (begun == begun_) {
                                      answered(step, reply);
                                  }
                              });
            },
            step);
        return;
    }
    if (again_ && round_ < kMaxRounds) {
        timer_ =
            loop_.add_timer(loop::Loop::now() + timings_.pair_retry * (1U << (round_ - 1)), [this] {
                timer_ = 0;
                start_round();
            });
    }
    if (!std::exchange(is_settled_, true)) {
        settled_();
    }
}

bool PairRestore::is_due(const Step& step) const {
    if (const auto* set = std::get_if<control::KvpSetCommand>(&step)) {
        return std::ranges::any_of(pairs_.of(set->pool), [&](const control::KvpPair& pair) {
            return pair.key == set->key && pair.value == set->value;
        });
    }
    if (const auto* gone = std::get_if<control::KvpDeleteCommand>(&step)) {
        return pairs_.gone().has(gone->pool, gone->key) && !pairs_.has(gone->pool, gone->key);
    }
    return true;
}

void PairRestore::answered(const Step& step,
                           const Result<std::shared_ptr<const Json>, control::Failure>& reply) {
    const auto* gone = std::get_if<control::KvpDeleteCommand>(&step);
    const auto* list = std::get_if<control::KvpListCommand>(&step);
    if (gone != nullptr && (reply || reply.error().code == control::ErrorCode::kNotFound)) {
        pairs_.guest_has_not(gone->pool, gone->key);
    } else if (!reply) {
        if (reply.error().outcome == control::Link::kLinkLost) {
            stop();
            return;
        }
        again_ = true;
        if (!std::exchange(told_, true)) {
            failed_(std::visit([](const auto& command) { return name_of(command); }, step),
                    reply.error().message);
        }
    } else if (list != nullptr) {
        listed(list->pool, **reply);
    }
    next_step();
}

void PairRestore::listed(Pool pool, const Json& result) {
    const auto there = pairs_in(result);
    for (const auto& [key, value] : pairs_.of(pool)) {
        const auto found = there.find(key);
        if (found == there.end() || found->second != value) {
            steps_.emplace_back(control::KvpSetCommand{.pool = pool, .key = key, .value = value});
        }
    }
    // Also where the guest has it not: the worker, which gives a guest that comes what it was asked
    // to keep, would give it this one.
    for (const std::string& key : pairs_.gone().of(pool)) {
        steps_.emplace_back(control::KvpDeleteCommand{.pool = pool, .key = key});
    }
}

}  // namespace hvis::manager
