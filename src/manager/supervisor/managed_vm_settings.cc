#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "manager/supervisor/managed_vm.h"

namespace hvis::manager {
namespace {

using control::Json;

/// What holds for a running VM as soon as it is changed.
constexpr auto kLiveFields = std::to_array<std::string_view>(
    {"services", "heartbeat", "autostart", "restart", "description"});

/// The worker has done it, and where the service was ticked the guest has followed.
bool is_done(const Json& entry, bool enabled) {
    return entry.value("enabled", Json()) == Json(enabled) &&
           (!enabled || entry.value("primary", Json()) == "ok");
}

}  // namespace

Result<std::vector<std::string>, Failure> ManagedVm::redefine(const VmDefinition& definition) {
    const Json before = to_json(definition_);
    const Json after = to_json(definition);
    std::string fields;
    std::vector<std::string> pending;
    const bool has_worker = phase_ != Phase::kStopped && phase_ != Phase::kWaiting;
    for (const auto& [name, value] : after.items()) {
        if (before.at(name) == value) {
            continue;
        }
        fields += (fields.empty() ? "" : ", ") + name;
        if (has_worker && std::ranges::find(kLiveFields, name) == kLiveFields.end()) {
            pending.push_back(name);
        }
    }
    if (fields.empty()) {
        return pending;
    }
    HVIS_CHECK(context_.store.save_definition(definition));
    const VmDefinition old = std::exchange(definition_, definition);
    context_.log.record(control::EventId::kVmChanged, subject(), {{"fields", fields}});
    if (session_ != nullptr) {
        session_->rename(definition.name);
    }
    if (phase_ == Phase::kWaiting && definition.restart.when == RestartWhen::kNever) {
        if (const auto saved = change_wish(false, attempts_); !saved) {
            tell_unsaved(saved.error());
        }
        context_.loop.cancel_timer(std::exchange(timer_, 0));
        explanation_.clear();
        rest();
    }
    if (settings_ != nullptr) {
        settings_->rename(definition.name);
        for (size_t index = 0; index < definition.services.size(); ++index) {
            if (old.services[index] != definition.services[index]) {
                settings_->apply_service(static_cast<control::Service>(index));
            }
        }
        if (old.heartbeat != definition.heartbeat) {
            settings_->apply_heartbeat();
        }
    }
    changed();
    return pending;
}

void ManagedVm::set_service(control::Service service, bool enabled,
                            std::function<void(Result<std::string, Failure>)> done) {
    VmDefinition wanted = definition_;
    wanted.services[std::to_underlying(service)] = enabled;
    if (const auto kept = redefine(wanted); !kept) {
        done(std::unexpected(kept.error()));
        return;
    }
    if (!has_worker()) {
        done(std::string("the VM is not running: this holds from its next start"));
        return;
    }
    answer_outdated_notes();
    const uint64_t id = next_note_++;
    notes_[id] = {.service = service,
                  .enabled = enabled,
                  .done = std::move(done),
                  .timer = context_.loop.add_timer(loop::Loop::now() + timings().service_note,
                                                   [this, id] { answer_note(id); })};
    refresh_notes();
}

// What is known of the services is from before the switch, which is on its way to the worker.
void ManagedVm::refresh_notes() {
    std::vector<uint64_t> waiting;
    for (const auto& [id, note] : notes_) {
        if (!note.fresh) {
            waiting.push_back(id);
        }
    }
    if (waiting.empty()) {
        return;
    }
    refresh_status([this, waiting = std::move(waiting)](bool fresh) {
        for (const uint64_t id : waiting) {
            if (const auto note = notes_.find(id); note != notes_.end() && fresh) {
                note->second.fresh = true;
            }
        }
        answer_notes();
    });
}

bool ManagedVm::has_worker() const {
    return phase_ == Phase::kLaunching || phase_ == Phase::kConnecting || phase_ == Phase::kRunning;
}

void ManagedVm::refresh_status(std::function<void(bool)> then) {
    control::Link* link = live_link();
    if (link == nullptr) {
        then(false);
        return;
    }
    link->request(control::encode_command(control::StatusCommand{}),
                  loop::Loop::now() + timings().probe_answer,
                  [this, then = std::move(then)](const auto& reply) {
                      if (reply) {
                          status_received(*reply);
                      }
                      then(reply.has_value());
                  });
}

void ManagedVm::answer_notes() {
    std::vector<uint64_t> good;
    for (const auto& [id, note] : notes_) {
        const Json* entry = status_ != nullptr ? service_in(*status_, note.service) : nullptr;
        if (note.fresh && entry != nullptr && is_done(*entry, note.enabled)) {
            good.push_back(id);
        }
    }
    for (const uint64_t id : good) {
        answer_note(id);
    }
}

void ManagedVm::answer_outdated_notes() {
    std::vector<uint64_t> outdated;
    for (const auto& [id, note] : notes_) {
        if (definition_.services[std::to_underlying(note.service)] != note.enabled) {
            outdated.push_back(id);
        }
    }
    for (const uint64_t id : outdated) {
        answer_note(id);
    }
}

void ManagedVm::answer_note(uint64_t id) {
    auto node = notes_.extract(id);
    if (node.empty()) {
        return;
    }
    context_.loop.cancel_timer(node.mapped().timer);
    node.mapped().done(text_of(node.mapped()));
}

std::string ManagedVm::text_of(const Note& note) const {
    const Json* entry = status_ != nullptr ? service_in(*status_, note.service) : nullptr;
    if (definition_.services[std::to_underlying(note.service)] != note.enabled) {
        return "it has been switched again meanwhile";
    }
    if (!has_worker()) {
        return "the VM does not run any more: this holds from its next start";
    }
    if (unreachable_) {
        return explanation_ + "; it is told as soon as it does";
    }
    if (!note.fresh || entry == nullptr || entry->value("enabled", Json()) != Json(note.enabled)) {
        return "the worker has not confirmed it yet: it is told as soon as it answers";
    }
    const Json explanation = entry->value("explanation", Json());
    return is_done(*entry, note.enabled) || !explanation.is_string()
               ? ""
               : explanation.get<std::string>();
}

}  // namespace hvis::manager
