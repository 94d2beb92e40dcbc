#include "manager/store/store.h"

#include <algorithm>

#include "manager/random_guid.h"
#include "manager/store/event_numbers.h"
#include "manager/store/event_table.h"
#include "manager/store/operation_table.h"
#include "manager/store/pair_table.h"
#include "manager/store/schema.h"
#include "manager/store/setting_table.h"
#include "manager/store/token_table.h"
#include "manager/store/vm_table.h"

namespace hvis::manager {
namespace {

Result<Guid, Failure> database_id(SettingTable& settings) {
    if (const auto text = HVIS_TRY(settings.load(std::string(Store::kIdSetting)))) {
        if (const auto guid = Guid::parse(*text)) {
            return *guid;
        }
    }
    const Guid guid = HVIS_TRY(random_guid());
    HVIS_CHECK(settings.save(std::string(Store::kIdSetting), guid.to_string()));
    return guid;
}

}  // namespace

struct Store::Tables {
    Tables(Database& database, std::string boot)
        : vms(database),
          pairs(database),
          events(database),
          operations(database),
          tokens(database),
          settings(database),
          numbers(events, settings, std::move(boot)) {}

    VmTable vms;
    PairTable pairs;
    EventTable events;
    OperationTable operations;
    TokenTable tokens;
    SettingTable settings;
    EventNumbers numbers;
};

Store::Store(std::unique_ptr<Database> database, std::string boot)
    : database_(std::move(database)),
      tables_(std::make_unique<Tables>(*database_, std::move(boot))) {}

Store::~Store() {
    // Without it the next boot leaves out what is left of the block, and nothing else.
    [[maybe_unused]] const auto settled = keep([&] { return tables_->numbers.settle(); });
}

Result<std::unique_ptr<Store>, Failure> Store::open(const std::string& path, uint64_t max_bytes,
                                                    std::string boot) {
    auto database = HVIS_TRY(
        Database::open(path, [](Database& fresh) { return migrate(fresh, schema_steps()); }));
    HVIS_CHECK(migrate(*database, schema_steps()));
    std::unique_ptr<Store> store(new Store(std::move(database), std::move(boot)));
    HVIS_CHECK(store->tables_->numbers.begin());
    // Here, where a start may take its time: the retention asks for it later, on a busy thread.
    HVIS_CHECK(store->tables_->events.count());
    store->id_ = HVIS_TRY(database_id(store->tables_->settings));
    HVIS_CHECK(store->limit_size(max_bytes));
    return store;
}

Result<void, Failure> Store::limit_size(uint64_t max_bytes) {
    // SQLite's own highest number of pages, where none is given.
    constexpr int64_t kMostPages = 4'294'967'294;
    const int64_t page = HVIS_TRY(database_->number("PRAGMA page_size"));
    const int64_t pages =
        max_bytes == 0 ? kMostPages
                       : static_cast<int64_t>(std::min<uint64_t>(max_bytes, INT64_MAX)) / page;
    return database_->execute("PRAGMA max_page_count = " +
                              std::to_string(std::clamp<int64_t>(pages, 1, kMostPages)));
}

Result<void, Failure> Store::keep(const Work& work) {
    return database_->transaction(work, Durability::kHost);
}

Result<std::vector<VmRecord>, Failure> Store::load_vms() { return tables_->vms.load(); }

Result<void, Failure> Store::save_definition(const VmDefinition& definition) {
    return keep([&] { return tables_->vms.save_definition(definition); });
}

Result<void, Failure> Store::add_vm(const VmDefinition& definition,
                                    const std::vector<HeldPair>& pairs) {
    return keep([&]() -> Result<void, Failure> {
        HVIS_CHECK(tables_->vms.save_definition(definition));
        for (const HeldPair& pair : pairs) {
            HVIS_CHECK(tables_->pairs.save(definition.id, pair));
        }
        return {};
    });
}

Result<void, Failure> Store::save_wish(const Guid& vm, bool wanted_running,
                                       uint32_t restart_attempts) {
    return tables_->vms.save_wish(vm, wanted_running, restart_attempts);
}

Result<void, Failure> Store::remove_vm(const Guid& vm) {
    return keep([&] { return tables_->vms.remove(vm); });
}

Result<std::vector<HeldPair>, Failure> Store::load_pairs(const Guid& vm) {
    return tables_->pairs.load(vm);
}

Result<void, Failure> Store::save_pair(const Guid& vm, const HeldPair& pair) {
    return keep([&] { return tables_->pairs.save(vm, pair); });
}

Result<void, Failure> Store::remove_pair(const Guid& vm, control::Pool pool,
                                         const std::string& key) {
    return keep([&] { return tables_->pairs.remove(vm, pool, key); });
}

Result<std::optional<uint64_t>, Failure> Store::next_event_of(const Guid& vm, const Guid& run) {
    return tables_->vms.next_event_of(vm, run);
}

Result<void, Failure> Store::append_events(std::vector<StoredEvent>& events,
                                           const std::vector<Cursor>& cursors) {
    EventNumbers& numbers = tables_->numbers;
    const bool reserve = HVIS_TRY(numbers.runs_out(events.size()));
    const auto append = [&]() -> Result<void, Failure> {
        if (reserve) {
            HVIS_CHECK(numbers.reserve(events.size()));
        }
        HVIS_CHECK(tables_->events.append(events));
        for (const Cursor& cursor : cursors) {
            HVIS_CHECK(tables_->vms.move_cursor(cursor));
        }
        return {};
    };
    HVIS_CHECK(database_->transaction(append, reserve ? Durability::kHost : Durability::kProcess));
    if (reserve) {
        numbers.reserved();
    }
    return {};
}

Result<EventPage, Failure> Store::query_events(const EventFilter& filter) {
    return tables_->events.query(filter);
}

Result<uint64_t, Failure> Store::trim_events(uint64_t keep, WallTime before, uint64_t limit) {
    return tables_->events.trim(keep, before, limit);
}

Result<uint64_t, Failure> Store::first_event() { return tables_->events.first(); }

Result<uint64_t, Failure> Store::last_event() { return tables_->events.last(); }

Result<void, Failure> Store::save_operation(const Operation& operation) {
    return tables_->operations.save(operation);
}

Result<std::vector<Operation>, Failure> Store::load_operations() {
    return tables_->operations.load();
}

Result<void, Failure> Store::remove_operation(const Guid& id) {
    return tables_->operations.remove(id);
}

Result<void, Failure> Store::save_token(const TokenRecord& token) {
    return keep([&] { return tables_->tokens.save(token); });
}

Result<std::vector<TokenRecord>, Failure> Store::load_tokens() { return tables_->tokens.load(); }

Result<bool, Failure> Store::remove_token(const Guid& id) {
    bool removed = false;
    const auto kept = keep([&]() -> Result<void, Failure> {
        removed = HVIS_TRY(tables_->tokens.remove(id));
        return {};
    });
    HVIS_CHECK(kept);
    return removed;
}

Result<std::optional<std::string>, Failure> Store::setting(const std::string& name) {
    return tables_->settings.load(name);
}

Result<void, Failure> Store::save_setting(const std::string& name, const std::string& value) {
    return tables_->settings.save(name, value);
}

Result<void, Failure> Store::backup(const std::string& path) { return database_->backup(path); }

}  // namespace hvis::manager
