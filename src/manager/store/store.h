#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guid.h"
#include "base/time.h"
#include "control/commands.h"
#include "manager/boot_mark.h"
#include "manager/definition/vm_definition.h"
#include "manager/events/stored_event.h"
#include "manager/operation.h"
#include "manager/role.h"
#include "manager/store/database.h"

namespace hvis::manager {

/// What hvisd wants of a VM, and which worker it last knew: kept so that a restart goes on.
struct VmRecord {
    VmDefinition definition;
    bool wanted_running = false;
    /// The worker's own id of its life (its hello's "run"), and the first of its events that the
    /// store does not have yet.
    std::optional<Guid> run;
    uint64_t next_event = 1;
    uint32_t restart_attempts = 0;
};

/// A pair that the host set and that is put back whenever the guest's pool may have lost it.
struct HeldPair {
    control::Pool pool = control::Pool::kExternal;
    std::string key;
    std::string value;
    bool operator==(const HeldPair&) const = default;
};

/// A bearer token; the secret itself is never kept, only its SHA-256.
struct TokenRecord {
    Guid id;
    std::string name;
    Role role = Role::kViewer;
    std::string sha256;  ///< 64 hex digits
    WallTime created;
    std::optional<WallTime> last_used;
};

/// Everything that outlives hvisd, in one SQLite file. Manager thread. Each call is one
/// transaction of its own. All outlives the end of hvisd at any moment; what an administrator
/// decided (definitions, pairs, tokens) outlives the loss of power too (see Durability).
class Store {
public:
    /// The setting that holds id().
    static constexpr std::string_view kIdSetting = "database.id";

    /// Opens, checks and migrates. A file of a newer hvisd is refused, never changed.
    /// The file never grows beyond `max_bytes` (0: no limit); at the limit writing fails as on a
    /// full disk. `boot` tells one boot of the host from another.
    static Result<std::unique_ptr<Store>, Failure> open(const std::string& path,
                                                        uint64_t max_bytes = 0,
                                                        std::string boot = boot_mark());
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    Result<std::vector<VmRecord>, Failure> load_vms();
    /// Adds or replaces the definition; a name that another VM has is refused.
    Result<void, Failure> save_definition(const VmDefinition& definition);
    /// The same for a new VM with its pairs: all of it, or nothing.
    Result<void, Failure> add_vm(const VmDefinition& definition,
                                 const std::vector<HeldPair>& pairs);
    Result<void, Failure> save_wish(const Guid& vm, bool wanted_running, uint32_t restart_attempts);
    /// With its pairs; its events stay.
    Result<void, Failure> remove_vm(const Guid& vm);

    Result<std::vector<HeldPair>, Failure> load_pairs(const Guid& vm);
    Result<void, Failure> save_pair(const Guid& vm, const HeldPair& pair);
    Result<void, Failure> remove_pair(const Guid& vm, control::Pool pool, const std::string& key);

    /// How far a worker's events have been taken over.
    struct Cursor {
        Guid vm;
        Guid run;
        uint64_t next_event = 1;
    };
    /// How far the events of this life of a worker have been taken; nothing for an unknown one.
    Result<std::optional<uint64_t>, Failure> next_event_of(const Guid& vm, const Guid& run);
    /// Appends the events and moves the cursors in one transaction, so that no event is lost or
    /// doubled whatever happens in between. Gives the events their numbers: ever higher ones, with
    /// gaps where the host lost its power, and none twice.
    Result<void, Failure> append_events(std::vector<StoredEvent>& events,
                                        const std::vector<Cursor>& cursors);
    Result<EventPage, Failure> query_events(const EventFilter& filter);
    /// Deletes the oldest beyond `keep` events, and those before `before`, among the oldest
    /// `limit` rows. Returns how many went.
    Result<uint64_t, Failure> trim_events(uint64_t keep, WallTime before, uint64_t limit);
    Result<uint64_t, Failure> first_event();  ///< number of the oldest kept, 0 when none
    Result<uint64_t, Failure> last_event();   ///< number of the newest ever, 0 when none

    Result<void, Failure> save_operation(const Operation& operation);
    Result<std::vector<Operation>, Failure> load_operations();
    Result<void, Failure> remove_operation(const Guid& id);

    Result<void, Failure> save_token(const TokenRecord& token);
    Result<std::vector<TokenRecord>, Failure> load_tokens();
    Result<bool, Failure> remove_token(const Guid& id);

    /// Small things with a name: how far a webhook has been served, …
    Result<std::optional<std::string>, Failure> setting(const std::string& name);
    Result<void, Failure> save_setting(const std::string& name, const std::string& value);

    Result<void, Failure> backup(const std::string& path);
    /// Made up with the database, and the same as long as it lives: tells its events from those of
    /// another host. A database that was put back gets a new one: it gives numbers again that were
    /// given after its backup.
    [[nodiscard]] const Guid& id() const { return id_; }
    /// Sets the limit of open() anew.
    Result<void, Failure> limit_size(uint64_t max_bytes);

private:
    /// Runs `work` in one transaction.
    using Work = std::function<Result<void, Failure>()>;
    struct Tables;
    Store(std::unique_ptr<Database> database, std::string boot);
    Result<void, Failure> keep(const Work& work);
    std::unique_ptr<Database> database_;
    std::unique_ptr<Tables> tables_;
    Guid id_;
};

}  // namespace hvis::manager
