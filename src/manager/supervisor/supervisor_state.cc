#include "manager/supervisor/supervisor_state.h"

#include <utility>

#include "base/log.h"
#include "manager/boot_mark.h"

namespace hvis::manager {
namespace {

using control::EventId;

constexpr const char* kBootSetting = "boot";

}  // namespace

Failure no_such_vm() {
    return control::make_failure(control::ErrorCode::kNotFound, "there is no such VM",
                                 "'hvis list' shows those that there are");
}

Supervisor::State::State(SupervisorConfig config, loop::Loop& its_loop, Store& store, EventLog& log,
                         std::unique_ptr<Launcher> workers)
    : loop(its_loop),
      launcher(std::move(workers)),
      context{.loop = its_loop,
              .store = store,
              .log = log,
              .launcher = *launcher,
              .config = std::move(config),
              .changed = [this](const Guid& id) { tell(id); }} {}

Result<void, Failure> Supervisor::State::load() {
    for (VmRecord& record : HVIS_TRY(context.store.load_vms())) {
        const Guid id = record.definition.id;
        auto pairs = HVIS_TRY(context.store.load_pairs(id));
        auto end = HVIS_TRY(load_end(context.store, id));
        if (record.run) {
            context.log.set_cursor({.vm = id, .run = *record.run, .next_event = record.next_event});
        }
        names[record.definition.name] = id;
        vms[id] = std::make_unique<ManagedVm>(context, std::move(record), std::move(pairs),
                                              std::move(end));
    }
    const auto before = HVIS_TRY(context.store.setting(kBootSetting));
    new_boot = !before || *before != boot_mark();
    if (vms.empty()) {
        started_with_host();
    }
    return {};
}

// Only when the last has had its turn: an hvisd that ends before that, or that cannot open its
// sockets yet, leaves the rest to the next.
void Supervisor::State::started_with_host() {
    if (!std::exchange(new_boot, false)) {
        return;
    }
    if (const auto saved = context.store.save_setting(kBootSetting, boot_mark()); !saved) {
        log(LogLevel::kError, "manager",
            "a restart of hvisd will start VMs with the host once more: " + saved.error().message);
    }
}

ManagedVm* Supervisor::State::vm(const Guid& id) const {
    const auto found = vms.find(id);
    return found == vms.end() ? nullptr : found->second.get();
}

void Supervisor::State::later(std::function<void()> work) {
    loop.add_timer(loop::Loop::now(), [token = std::weak_ptr(alive), work = std::move(work)] {
        if (!token.expired()) {
            work();
        }
    });
}

void Supervisor::State::tell(const Guid& id) {
    if (const auto stop = stops.find(id); stop != stops.end()) {
        stop->second->changed();
    }
    // A watcher may unwatch, itself included.
    for (auto next = watchers.begin(); next != watchers.end();) {
        const auto watcher = next->second;
        const uint64_t number = next->first;
        watcher(id);
        next = watchers.upper_bound(number);
    }
}

void Supervisor::State::begin() {
    undecided = 1;
    for (const auto& [id, machine] : vms) {
        ++undecided;
        machine->adopt([this](bool) { all_decided(); });
    }
    all_decided();
}

void Supervisor::State::all_decided() {
    if (--undecided != 0) {
        return;
    }
    // Not from within the callback of a VM that is on its way to another state.
    later([this] {
        for (const auto& [id, machine] : vms) {
            const bool rested = machine->at_rest();
            machine->settle();
            if (going_down && rested && !machine->at_rest()) {
                machine->power_off([](const auto&) {});  // no restart while the host goes down
            }
        }
        if (new_boot) {
            autostart();
        }
    });
}

void Supervisor::State::autostart() {
    std::vector<HostOrder::Item> items;
    for (const auto& [id, machine] : vms) {
        const Autostart& wanted = machine->definition().autostart;
        if (wanted.enabled && machine->at_rest()) {
            items.push_back({.vm = id, .order = wanted.order, .delay = wanted.delay});
        }
    }
    starting = std::make_unique<HostOrder>(
        loop, std::move(items), HostOrder::Direction::kLowestFirst,
        [this](const Guid& id, std::function<void()> through) {
            ManagedVm* machine = vm(id);
            if (machine == nullptr || going_down) {
                through();
                return;
            }
            machine->start([this, id, through = std::move(through)](auto started) {
                if (ManagedVm* failed = vm(id); !started && failed != nullptr) {
                    context.log.record(EventId::kAutostartFailed, {id, failed->definition().name},
                                       {{"why", started.error().message}});
                }
                through();
            });
        },
        [this] {
            later([this] {
                started_with_host();
                starting.reset();
            });
        });
    starting->run();
}

void Supervisor::State::stop_all(std::function<void()> done) {
    all_stopped.push_back(std::move(done));
    if (std::exchange(going_down, true)) {
        return;  // It waits for the end of the one under way.
    }
    // What has not been started with the host by now is not started behind its back later.
    started_with_host();
    starting.reset();
    std::vector<HostOrder::Item> items;
    for (const auto& [id, machine] : vms) {
        if (!machine->at_rest()) {
            items.push_back(
                {.vm = id, .order = machine->definition().autostart.order, .delay = {}});
        }
    }
    context.log.record(EventId::kHostShutdown, {{"count", std::to_string(items.size())}});
    stopping = std::make_unique<HostOrder>(
        loop, std::move(items), HostOrder::Direction::kHighestFirst,
        [this](const Guid& id, std::function<void()> through) { stop_one(id, through); },
        [this] { later([this] { all_are_stopped(); }); });
    stopping->run();
}

void Supervisor::State::all_are_stopped() {
    stopping.reset();
    if (const auto flushed = context.log.flush(); !flushed) {
        log(LogLevel::kError, "manager", flushed.error().message);
    }
    // The host may go on, where an administrator has asked for it: VMs may be started again.
    going_down = false;
    for (const auto& done : std::exchange(all_stopped, {})) {
        done();
    }
}

void Supervisor::State::stop_one(const Guid& id, const std::function<void()>& through) {
    auto& stop = stops[id];
    stop = std::make_unique<GuestStop>(
        context, [this, id] { return vm(id); },
        [this, id, through] {
            later([this, id] { stops.erase(id); });
            through();
        });
    stop->begin();
}

}  // namespace hvis::manager
