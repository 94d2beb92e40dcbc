// Key/value exchange: what the service reports, and its verbs.

#include <utility>

#include "worker/ip_settings.h"
#include "worker/report.h"
#include "worker/vm.h"

namespace hvis::worker {
namespace {

ic::KvpPool pool_of(control::Pool pool) {
    switch (pool) {
        case control::Pool::kExternal:
            return ic::KvpPool::kExternal;
        case control::Pool::kGuest:
            return ic::KvpPool::kGuest;
        case control::Pool::kAuto:
            return ic::KvpPool::kAuto;
        case control::Pool::kParameters:
            return ic::KvpPool::kAutoExternal;
    }
    return ic::KvpPool::kAuto;
}

control::Pool word_of(ic::KvpPool pool) {
    switch (pool) {
        case ic::KvpPool::kExternal:
            return control::Pool::kExternal;
        case ic::KvpPool::kGuest:
            return control::Pool::kGuest;
        case ic::KvpPool::kAuto:
            return control::Pool::kAuto;
        case ic::KvpPool::kAutoExternal:
            return control::Pool::kParameters;
    }
    return control::Pool::kAuto;
}

/// The key of a pair of the external pool that shall go; nullptr for any other request.
template <class Command>
const std::string* removed_external(const Command& command) {
    const auto* removed = std::get_if<control::KvpDeleteCommand>(&command);
    return removed != nullptr && removed->pool == control::Pool::kExternal ? &removed->key
                                                                           : nullptr;
}

}  // namespace

using control::EventId;

void Vm::take_kvp() {
    for (auto& finished : services_->kvp().take_effects()) {
        if (kvp_finished_for_us(finished)) {
            continue;
        }
        auto node = kvp_requests_.extract(finished.id);
        if (!node.empty()) {
            answer_kvp(node.mapped(), finished);
        }
    }
    for (const auto& [pool, count] : services_->kvp().take_pushed()) {
        record(EventId::kKvpPushed,
               {{"count", std::to_string(count)}, {"pool", std::string(to_string(word_of(pool)))}});
    }
    note_daemon();
    poll_facts();
}

bool Vm::kvp_finished_for_us(const ic::KvpFinished& finished) {
    const bool done = finished.outcome == ic::Outcome::kDone;
    if (finished.id == facts_request_) {
        facts_request_ = 0;
        if (done) {
            facts_ = facts_from(finished.pairs);
            note_status_changed();
        }
        return true;
    }
    const auto list = watch_lists_.extract(finished.id);
    if (list.empty()) {
        return false;
    }
    // Later: a watch may ask for the next list, and we are within the service's own callback.
    later_.run([this, pool = list.mapped(), done, finished] {
        if (done) {
            watches_.listed(pool, finished.pairs, finished.unreadable == 0 && !finished.truncated);
        } else {
            watches_.not_listed(pool);
        }
    });
    return true;
}

void Vm::note_daemon() {
    const bool missing = services_->kvp().daemon_missing();
    if (missing && !daemon_missing_) {
        record(EventId::kKvpDaemonMissing);
    }
    daemon_missing_ = missing;
}

void Vm::kvp_changed(control::Pool pool, const KvpChange& change) {
    if (pool != control::Pool::kGuest && pool != control::Pool::kAuto) {
        return;  // Those are the host's own doing.
    }
    control::EventFields fields = {{"key", change.key}, {"pool", std::string(to_string(pool))}};
    if (change.value) {
        fields.emplace_back("value", *change.value);
    }
    record(EventId::kKvpChanged, std::move(fields));
}

bool Vm::list_for_watches(control::Pool pool) {
    const auto id = services_->kvp().list(pool_of(pool), services_->clocks());
    if (!id) {
        return false;
    }
    watch_lists_.emplace(*id, pool);
    services_->pump(ServiceKind::kKvp);
    return true;
}

void Vm::answer_kvp(GuestRequest& request, const ic::KvpFinished& finished) {
    if (finished.outcome != ic::Outcome::kDone) {
        auto failure =
            failure_of(finished.outcome, finished.status, services_->report(ServiceKind::kKvp));
        if (finished.error) {
            failure.message = finished.error->what;
            if (finished.error->code == Errc::kNotFound) {
                // Else a guest that has lost it would be given it again.
                if (const std::string* key = removed_external(request.command)) {
                    services_->kvp().forget_external(*key);
                }
                failure.code = control::ErrorCode::kNotFound;
                failure.hint = std::holds_alternative<control::IpSetCommand>(request.command)
                                   ? "the adapter is the instance of its network channel"
                                   : "list the pool with 'kvp list'";
            }
        }
        request.responder.failed(failure);
        return;
    }
    keep_external(request);
    const auto answer_pairs = [&](control::Pool pool) {
        control::KvpResult result{.pool = pool,
                                  .pairs = {},
                                  .unreadable = finished.unreadable,
                                  .truncated = finished.truncated};
        for (const auto& [key, value] : finished.pairs) {
            result.pairs.push_back({.key = key, .value = value});
        }
        request.responder.done(result);
    };
    if (const auto* list = std::get_if<control::KvpListCommand>(&request.command)) {
        answer_pairs(list->pool);
    } else if (const auto* get = std::get_if<control::KvpGetCommand>(&request.command)) {
        answer_pairs(get->pool);
    } else if (std::holds_alternative<control::IpShowCommand>(request.command)) {
        facts_ = facts_from(finished.pairs);
        note_status_changed();
        request.responder.done(control::IpResult{.ipv4 = facts_->ipv4, .ipv6 = facts_->ipv6});
    } else {
        request.responder.done();
    }
}

void Vm::keep_external(const GuestRequest& request) {
    auto& kvp = services_->kvp();
    if (const auto* set = std::get_if<control::KvpSetCommand>(&request.command);
        set != nullptr && set->pool == control::Pool::kExternal) {
        // Past the mirror's limit the guest still has the pair, only it is not renewed after a
        // reset.
        if (const auto kept = kvp.keep_external({.key = set->key, .value = set->value}); !kept) {
            log(LogLevel::kWarning, "kvp", kept.error().what);
        }
    } else if (const std::string* key = removed_external(request.command)) {
        kvp.forget_external(*key);
    }
}

void Vm::refresh_facts() {
    if (facts_request_ != 0) {
        return;
    }
    if (const auto id = services_->kvp().list(ic::KvpPool::kAuto, services_->clocks())) {
        facts_request_ = *id;
        // Not from inside the service's own callback.
        later_.run([this] { services_->pump(ServiceKind::kKvp); });
    }
}

void Vm::renew_parameters() {
    host_.look_again();
    // Only what has changed is written.
    if (const auto set = services_->kvp().set_parameters(host_.for_guest(config_)); !set) {
        log(LogLevel::kWarning, "kvp", set.error().what);
    }
    services_->pump(ServiceKind::kKvp);
}

void Vm::poll_facts() {
    const bool awaited = waits_.any_for(control::Condition::kIp);
    if (!awaited && !services_->report(ServiceKind::kKvp).message) {
        return;  // It is looked for again when the service has negotiated.
    }
    const TimePoint due = loop::Loop::now() + (awaited ? kAddressPoll : kFactsPoll);
    if (facts_timer_ != 0 && facts_due_ <= due) {
        return;
    }
    loop_.cancel_timer(facts_timer_);
    facts_due_ = due;
    facts_timer_ = loop_.add_timer(due, [this] {
        facts_timer_ = 0;
        renew_parameters();
        refresh_facts();
        poll_facts();
    });
}

template <class Command>
void Vm::submit_kvp(Result<ic::RequestId> id, const Command& command,
                    control::Responder responder) {
    if (!id) {
        responder.failed(refused_at_once(id.error(), services_->report(ServiceKind::kKvp)));
        return;
    }
    kvp_requests_.emplace(*id, GuestRequest{std::move(responder), command});
    watch_cancel(kvp_requests_, ServiceKind::kKvp, *id);
    services_->pump(ServiceKind::kKvp);
}

void Vm::run(const control::KvpListCommand& command, control::Responder responder) {
    submit_kvp(services_->kvp().list(pool_of(command.pool), services_->clocks(), command.timeout),
               command, std::move(responder));
}

void Vm::run(const control::KvpGetCommand& command, control::Responder responder) {
    submit_kvp(services_->kvp().get(pool_of(command.pool), command.key, services_->clocks(),
                                    command.timeout),
               command, std::move(responder));
}

void Vm::run(const control::KvpSetCommand& command, control::Responder responder) {
    const ic::KvpPair pair{.key = command.key, .value = command.value};
    const auto pool = pool_of(command.pool);
    submit_kvp(command.only_add
                   ? services_->kvp().add(pool, pair, services_->clocks(), command.timeout)
                   : services_->kvp().set(pool, pair, services_->clocks(), command.timeout),
               command, std::move(responder));
}

void Vm::run(const control::KvpDeleteCommand& command, control::Responder responder) {
    submit_kvp(services_->kvp().remove(pool_of(command.pool), command.key, services_->clocks(),
                                       command.timeout),
               command, std::move(responder));
}

void Vm::run(const control::KvpWatchCommand& command, control::Responder responder) {
    watches_.add(command, std::move(responder));
}

void Vm::run(const control::IpSetCommand& command, control::Responder responder) {
    const auto info = ip_settings_of(command);
    if (!info) {
        responder.failed(control::usage_failure(info.error()));
        return;
    }
    submit_kvp(services_->kvp().set_ip_info(*info, services_->clocks(), command.timeout), command,
               std::move(responder));
}

void Vm::run(const control::IpShowCommand& command, control::Responder responder) {
    submit_kvp(services_->kvp().list(ic::KvpPool::kAuto, services_->clocks(), command.timeout),
               command, std::move(responder));
}

}  // namespace hvis::worker
