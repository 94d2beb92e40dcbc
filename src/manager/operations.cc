#include "manager/operations.h"

#include <algorithm>
#include <array>
#include <deque>
#include <ranges>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "manager/random_guid.h"
#include "manager/store/store.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Failure;
using control::make_failure;

/// What must be possible with a full disk too: the VM that fills it has to be stopped.
constexpr auto kDoneUnsaved =
    std::to_array<std::string_view>({"vm.stop", "vm.power_off", "host.stop_all"});

WallTime wall_now() { return WallTime::from_system(std::chrono::system_clock::now()); }

std::string_view how_it_ended(OperationState state) {
    switch (state) {
        case OperationState::kSucceeded:
            return "has succeeded";
        case OperationState::kFailed:
            return "has failed";
        case OperationState::kCancelled:
            return "was cancelled";
        case OperationState::kRunning:
            break;
    }
    return "runs";
}

}  // namespace

struct Operations::State {
    struct Entry {
        Operation operation;
        std::function<void()> cancel;
        Role role = Role::kViewer;  ///< of the caller
        TimePoint told;             ///< when watchers last heard of progress
        loop::Loop::TimerId timer = 0;
    };
    struct Watch {
        Guid operation;
        Watcher watcher;
    };

    State(Store& its_store, loop::Loop& its_loop) : store(its_store), loop(its_loop) {}
    ~State() {
        for (const auto& [id, entry] : entries) {
            loop.cancel_timer(entry.timer);
        }
    }

    Result<void, Failure> restore();
    void add_finished(const Guid& id);
    void progress(const Guid& id, std::optional<double> fraction, std::string step);
    void finish(const Guid& id, OperationState how, std::optional<Failure> error,
                std::shared_ptr<const control::Json> result);
    void save(const Operation& operation);
    void tell(const Guid& id);
    Entry* running_entry(const Guid& id);
    [[nodiscard]] Result<void, Failure> room_for(Role role) const;

    Store& store;
    loop::Loop& loop;
    std::map<Guid, Entry> entries;
    std::deque<Guid> order;     // of their beginnings
    std::deque<Guid> finished;  // the oldest first
    /// By the role of the caller.
    std::array<size_t, kRoleWords.size()> running{};
    std::map<WatchId, Watch> watches;
    WatchId next_watch = 1;
};

/// Takes over what an earlier life of hvisd left behind.
Result<void, Failure> Operations::State::restore() {
    for (Operation& operation : HVIS_TRY(store.load_operations())) {
        if (operation.state == OperationState::kRunning) {
            operation.state = OperationState::kFailed;
            operation.finished = wall_now();
            operation.error =
                make_failure(ErrorCode::kFailed, "hvisd ended while this was under way",
                             "look at what came of it (`hvis status`), then ask for it again");
            HVIS_CHECK(store.save_operation(operation));
        }
        const Guid id = operation.id;
        entries[id].operation = std::move(operation);
        order.push_back(id);
        add_finished(id);
    }
    return {};
}

void Operations::State::add_finished(const Guid& id) {
    finished.push_back(id);
    while (finished.size() > kMaxFinished) {
        const Guid oldest = finished.front();
        finished.pop_front();
        entries.erase(oldest);
        std::erase(order, oldest);
        if (const auto removed = store.remove_operation(oldest); !removed) {
            log(LogLevel::kWarning, "operations", removed.error().message);
        }
    }
}

Operations::State::Entry* Operations::State::running_entry(const Guid& id) {
    const auto found = entries.find(id);
    const bool runs =
        found != entries.end() && found->second.operation.state == OperationState::kRunning;
    return runs ? &found->second : nullptr;
}

/// Each role's bound counts what the roles below it have begun too.
Result<void, Failure> Operations::State::room_for(Role role) const {
    constexpr std::array<size_t, kRoleWords.size()> kBounds = {kMaxOfViewers, kMaxOfOperators,
                                                               kMaxRunning};
    size_t count = 0;
    for (size_t each = 0; each < running.size(); ++each) {
        count += running[each];
        if (each >= std::to_underlying(role) && count >= kBounds[each]) {
            return std::unexpected(make_failure(
                ErrorCode::kUnavailable,
                std::to_string(count) + " operations of callers up to the role " +
                    std::string(kRoleWords[each]) + " are under way, more are not taken",
                "wait for some to end, or cancel them (`hvis operation list`)"));
        }
    }
    return {};
}

/// Work goes on when its record cannot be written: the record is for people.
void Operations::State::save(const Operation& operation) {
    if (const auto saved = store.save_operation(operation); !saved) {
        log(LogLevel::kWarning, "operations", operation.kind + ": " + saved.error().message);
    }
}

void Operations::State::tell(const Guid& id) {
    // By number, because a watcher may remove any other, or add one.
    for (auto next = watches.begin(); next != watches.end();) {
        const WatchId current = next->first;
        const auto entry = entries.find(id);
        if (entry == entries.end()) {
            return;
        }
        if (next->second.operation == id) {
            const Watcher watcher = next->second.watcher;
            const Operation operation = entry->second.operation;
            watcher(operation);
        }
        next = watches.upper_bound(current);
    }
}

void Operations::State::progress(const Guid& id, std::optional<double> fraction, std::string step) {
    Entry* entry = running_entry(id);
    if (entry == nullptr) {
        return;
    }
    entry->operation.progress =
        fraction ? std::optional(std::clamp(*fraction, 0.0, 1.0)) : std::nullopt;
    entry->operation.step = std::move(step);
    if (entry->timer != 0) {
        return;
    }
    const TimePoint due = std::max(loop::Loop::now(), entry->told + kProgressEvery);
    entry->timer = loop.add_timer(due, [this, id] {
        if (Entry* current = running_entry(id)) {
            current->timer = 0;
            current->told = loop::Loop::now();
            tell(id);
        }
    });
}

void Operations::State::finish(const Guid& id, OperationState how, std::optional<Failure> error,
                               std::shared_ptr<const control::Json> result) {
    Entry* entry = running_entry(id);
    if (entry == nullptr) {
        return;
    }
    Operation& operation = entry->operation;
    operation.state = how;
    operation.finished = wall_now();
    operation.error = std::move(error);
    operation.result = std::move(result);
    if (how == OperationState::kSucceeded) {
        operation.progress = 1.0;
    }
    loop.cancel_timer(std::exchange(entry->timer, 0));
    entry->cancel = nullptr;
    --running[std::to_underlying(entry->role)];
    save(operation);
    tell(id);
    std::erase_if(watches, [&](const auto& watch) { return watch.second.operation == id; });
    add_finished(id);
}

Operations::Work::~Work() {
    failed(make_failure(ErrorCode::kFailed, "the work was given up without a reason",
                        "this is a fault of hvisd: its log may say more"));
}

void Operations::Work::progress(std::optional<double> fraction, std::string step) {
    if (const auto state = state_.lock()) {
        state->progress(id_, fraction, std::move(step));
    }
}

void Operations::Work::done(std::shared_ptr<const control::Json> result) {
    if (const auto state = state_.lock()) {
        state->finish(id_, OperationState::kSucceeded, {}, std::move(result));
    }
}

void Operations::Work::failed(Failure failure) {
    if (const auto state = state_.lock()) {
        state->finish(id_, OperationState::kFailed, std::move(failure), nullptr);
    }
}

void Operations::Work::cancelled() {
    if (const auto state = state_.lock()) {
        state->finish(id_, OperationState::kCancelled,
                      make_failure(ErrorCode::kFailed, "cancelled"), nullptr);
    }
}

void Operations::Work::on_cancel(std::function<void()> cancel) {
    if (const auto state = state_.lock()) {
        if (auto* entry = state->running_entry(id_)) {
            entry->cancel = std::move(cancel);
        }
    }
}

Result<std::unique_ptr<Operations>, Failure> Operations::create(Store& store, loop::Loop& loop) {
    auto state = std::make_shared<State>(store, loop);
    HVIS_CHECK(state->restore());
    return std::unique_ptr<Operations>(new Operations(std::move(state)));
}

Operations::Operations(std::shared_ptr<State> state) : state_(std::move(state)) {}

Operations::~Operations() = default;

Result<std::shared_ptr<Operations::Work>, Failure> Operations::begin(std::string kind,
                                                                     const Caller& caller,
                                                                     std::optional<Guid> vm,
                                                                     std::string vm_name) {
    HVIS_CHECK(state_->room_for(caller.role));
    const Guid id = HVIS_TRY(random_guid());
    State::Entry entry;
    entry.role = caller.role;
    entry.operation.id = id;
    entry.operation.kind = std::move(kind);
    entry.operation.vm = vm;
    entry.operation.vm_name = std::move(vm_name);
    entry.operation.caller = caller.name;
    entry.operation.created = wall_now();
    // Known to the store before it begins: a restart must not forget it.
    if (const auto saved = state_->store.save_operation(entry.operation); !saved) {
        if (std::ranges::find(kDoneUnsaved, entry.operation.kind) == kDoneUnsaved.end()) {
            return std::unexpected(saved.error());
        }
        log(LogLevel::kWarning, "operations", entry.operation.kind + ": " + saved.error().message);
    }
    state_->entries.emplace(id, std::move(entry));
    state_->order.push_back(id);
    ++state_->running[std::to_underlying(caller.role)];
    return std::shared_ptr<Work>(new Work(state_, id));
}

const Operation* Operations::find(const Guid& id) const {
    const auto found = state_->entries.find(id);
    return found == state_->entries.end() ? nullptr : &found->second.operation;
}

std::vector<const Operation*> Operations::list(std::optional<Guid> vm) const {
    std::vector<const Operation*> operations;
    for (const Guid& id : state_->order | std::views::reverse) {
        const Operation* operation = find(id);
        if (operation != nullptr && (!vm || operation->vm == vm)) {
            operations.push_back(operation);
        }
    }
    return operations;
}

Result<Operations::WatchId, Failure> Operations::watch(const Guid& id, Watcher watcher) {
    if (find(id) == nullptr) {
        return std::unexpected(
            make_failure(ErrorCode::kNotFound, "there is no operation " + id.to_string()));
    }
    state_->watches.emplace(state_->next_watch,
                            State::Watch{.operation = id, .watcher = std::move(watcher)});
    return state_->next_watch++;
}

void Operations::unwatch(WatchId id) { state_->watches.erase(id); }

Result<void, Failure> Operations::cancel(const Guid& id) {
    const Operation* operation = find(id);
    if (operation == nullptr) {
        return std::unexpected(
            make_failure(ErrorCode::kNotFound, "there is no operation " + id.to_string()));
    }
    State::Entry* entry = state_->running_entry(id);
    if (entry == nullptr) {
        return std::unexpected(make_failure(
            ErrorCode::kFailed,
            "the operation has ended: it " + std::string(how_it_ended(operation->state)),
            "nothing is left to be cancelled"));
    }
    if (!entry->cancel) {
        return std::unexpected(make_failure(ErrorCode::kFailed,
                                            "this operation cannot be cancelled at this point",
                                            "wait for its end"));
    }
    const auto cancel = entry->cancel;
    cancel();
    return {};
}

}  // namespace hvis::manager
