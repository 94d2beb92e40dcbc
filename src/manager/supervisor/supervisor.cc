#include "manager/supervisor/supervisor.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "manager/supervisor/child_launcher.h"
#include "manager/supervisor/launcher_choice.h"
#include "manager/supervisor/supervisor_state.h"
#include "manager/supervisor/systemd_launcher.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;

Result<std::unique_ptr<Launcher>, Failure> make_launcher(const SupervisorConfig& config,
                                                         loop::Loop& loop) {
    const auto choice = choose_launcher(config.launcher, LauncherFacts::of_process());
    if (choice.kind != LauncherChoice::Kind::kChild) {
        auto launcher = HVIS_TRY(SystemdLauncher::create(loop));
        return std::unique_ptr<Launcher>(std::move(launcher));
    }
    return std::make_unique<ChildLauncher>();
}

Failure stopped_only(const std::string& state) {
    Failure failure = control::make_failure(control::ErrorCode::kFailed, "the VM is " + state,
                                            "stop it first, with 'hvis stop'");
    failure.outcome = "conflict";
    return failure;
}

}  // namespace

Supervisor::Supervisor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Supervisor::~Supervisor() = default;

Result<std::unique_ptr<Supervisor>, Failure> Supervisor::create(SupervisorConfig config,
                                                                loop::Loop& loop, Store& store,
                                                                EventLog& events) {
    auto launcher = HVIS_TRY(make_launcher(config, loop));
    return create(std::move(config), loop, store, events, std::move(launcher));
}

Result<std::unique_ptr<Supervisor>, Failure> Supervisor::create(SupervisorConfig config,
                                                                loop::Loop& loop, Store& store,
                                                                EventLog& events,
                                                                std::unique_ptr<Launcher> workers) {
    auto state =
        std::make_unique<State>(std::move(config), loop, store, events, std::move(workers));
    HVIS_CHECK(state->load());
    return std::unique_ptr<Supervisor>(new Supervisor(std::move(state)));
}

void Supervisor::begin() { state_->begin(); }

void Supervisor::leave() {
    state_->going_down = true;
    state_->all_stopped.clear();
    state_->starting.reset();
    state_->stopping.reset();
    state_->stops.clear();
    state_->watchers.clear();
    state_->vms.clear();
}

void Supervisor::stop_all(std::function<void()> done) { state_->stop_all(std::move(done)); }

std::optional<Guid> Supervisor::find(std::string_view name_or_id) const {
    if (const auto named = state_->names.find(name_or_id); named != state_->names.end()) {
        return named->second;
    }
    const auto id = Guid::parse(name_or_id);
    return id && state_->vm(*id) != nullptr ? std::optional(*id) : std::nullopt;
}

std::optional<VmSummary> Supervisor::summary(const Guid& vm) const {
    const ManagedVm* machine = state_->vm(vm);
    return machine == nullptr ? std::nullopt : std::optional(machine->summary());
}

std::vector<VmSummary> Supervisor::list() const {
    std::vector<VmSummary> summaries;
    summaries.reserve(state_->vms.size());
    for (const auto& [name, id] : state_->names) {
        summaries.push_back(state_->vms.at(id)->summary());
    }
    return summaries;
}

size_t Supervisor::count() const { return state_->vms.size(); }

Result<void, Failure> Supervisor::define(const VmDefinition& definition,
                                         std::vector<HeldPair> pairs) {
    if (state_->vms.size() >= kMaxVms) {
        return std::unexpected(control::make_failure(
            ErrorCode::kFailed, "this host has " + std::to_string(kMaxVms) + " VMs already",
            "delete some first"));
    }
    if (state_->vm(definition.id) != nullptr || state_->names.contains(definition.name)) {
        Failure failure = control::make_failure(
            ErrorCode::kFailed, "there is a VM with this name or id already", "choose another one");
        failure.pointer = state_->vm(definition.id) != nullptr ? "/id" : "/name";
        return std::unexpected(failure);
    }
    HVIS_CHECK(state_->context.store.add_vm(definition, pairs));
    state_->names[definition.name] = definition.id;
    VmRecord record;
    record.definition = definition;
    auto& machine = state_->vms[definition.id];
    machine = std::make_unique<ManagedVm>(state_->context, std::move(record), std::move(pairs),
                                          std::nullopt);
    state_->context.log.record(control::EventId::kVmDefined, {definition.id, definition.name});
    // An imported VM may have a worker already.
    machine->adopt([](bool) {});
    state_->tell(definition.id);
    return {};
}

Result<std::vector<std::string>, Failure> Supervisor::redefine(const VmDefinition& definition) {
    ManagedVm* machine = state_->vm(definition.id);
    if (machine == nullptr) {
        return std::unexpected(no_such_vm());
    }
    const auto other = state_->names.find(definition.name);
    if (other != state_->names.end() && other->second != definition.id) {
        Failure failure = control::make_failure(
            ErrorCode::kFailed, "there is a VM with this name already", "choose another one");
        failure.pointer = "/name";
        return std::unexpected(failure);
    }
    const std::string old_name = machine->definition().name;
    auto pending = HVIS_TRY(machine->redefine(definition));
    if (old_name != definition.name) {
        state_->names.erase(old_name);
        state_->names[definition.name] = definition.id;
    }
    return pending;
}

Result<void, Failure> Supervisor::remove(const Guid& vm) {
    ManagedVm* machine = state_->vm(vm);
    if (machine == nullptr) {
        return std::unexpected(no_such_vm());
    }
    if (!machine->at_rest()) {
        return std::unexpected(stopped_only(machine->state()));
    }
    HVIS_CHECK(machine->erase());
    const std::string name = machine->definition().name;
    state_->context.log.record(control::EventId::kVmDeleted, {vm, name});
    state_->names.erase(name);
    // A callback of this very VM may be what asks for it.
    state_->gone.push_back(std::move(state_->vms.at(vm)));
    state_->later([state = state_.get()] { state->gone.clear(); });
    state_->vms.erase(vm);
    state_->tell(vm);
    return {};
}

uint64_t Supervisor::watch(Watcher watcher) {
    const uint64_t id = state_->next_watcher++;
    state_->watchers[id] = std::move(watcher);
    return id;
}

void Supervisor::unwatch(uint64_t id) { state_->watchers.erase(id); }

}  // namespace hvis::manager
