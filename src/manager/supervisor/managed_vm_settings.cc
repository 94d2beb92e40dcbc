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
    if (live_link() == nullptr) {
        done(std::string("the VM is not running: this holds from its next start"));
        return;
    }
    if (!enabled) {
        done(std::string());
        return;
    }
    const uint64_t id = next_note_++;
    notes_[id] = {.service = service,
                  .done = std::move(done),
                  .timer = context_.loop.add_timer(loop::Loop::now() + timings().service_note,
                                                   [this, id] { answer_note(id); })};
    // What is known of the service is from before the switch, which is on its way to the worker.
    refresh_status([this, id](bool fresh) {
        if (const auto note = notes_.find(id); note != notes_.end()) {
            note->second.fresh = fresh;
            answer_notes();
        }
    });
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
        if (note.fresh && entry != nullptr && entry->value("enabled", Json()) == true &&
            entry->value("primary", Json()) == "ok") {
            good.push_back(id);
        }
    }
    for (const uint64_t id : good) {
        answer_note(id);
    }
}

void ManagedVm::answer_note(uint64_t id) {
    auto node = notes_.extract(id);
    if (node.empty()) {
        return;
    }
    context_.loop.cancel_timer(node.mapped().timer);
    const Json* entry = status_ != nullptr ? service_in(*status_, node.mapped().service) : nullptr;
    std::string text = "the VM does not run any more";
    if (entry != nullptr && !node.mapped().fresh) {
        text = "the worker has not confirmed it yet";
    } else if (entry != nullptr) {
        const Json explanation = entry->value("explanation", Json());
        const bool ok = entry->value("primary", Json()) == "ok";
        text = ok || !explanation.is_string() ? "" : explanation.get<std::string>();
    }
    node.mapped().done(std::move(text));
}

}  // namespace hvis::manager
