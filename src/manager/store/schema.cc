#include "manager/store/schema.h"

#include <array>
#include <string>

namespace hvis::manager {
namespace {

// Times are milliseconds since 1970, GUIDs and documents text, so that `sqlite3 hvis.db` shows what
// there is. Numbers of events are never used twice (AUTOINCREMENT), also when all are deleted.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE vm (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,
    wanted_running INTEGER NOT NULL DEFAULT 0 CHECK (wanted_running IN (0, 1)),
    restart_attempts INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The lives of each VM's workers of which events were taken: how far, so that none is taken twice.
CREATE TABLE worker_run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    vm TEXT NOT NULL REFERENCES vm (id) ON DELETE CASCADE,
    run TEXT NOT NULL,
    next_event INTEGER NOT NULL,
    UNIQUE (vm, run)
) STRICT;

CREATE TABLE pair (
    vm TEXT NOT NULL REFERENCES vm (id) ON DELETE CASCADE,
    pool TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (vm, pool, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    vm TEXT,
    vm_name TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 3),
    service TEXT NOT NULL,
    text TEXT NOT NULL,
    fields TEXT NOT NULL
) STRICT;
CREATE INDEX event_of_vm ON event (vm, sequence) WHERE vm IS NOT NULL;
-- Most events are of no concern to anybody; those that are must be found at once.
CREATE INDEX event_of_concern ON event (sequence) WHERE severity >= 1;

CREATE TABLE operation (
    id TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE token (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    sha256 TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    last_used INTEGER
) STRICT;

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array kSteps = {kFirst};

}  // namespace

std::span<const std::string_view> schema_steps() { return kSteps; }

Result<void, Failure> migrate(Database& database, std::span<const std::string_view> steps) {
    const auto newest = static_cast<int64_t>(steps.size());
    int64_t version = HVIS_TRY(database.number("PRAGMA user_version"));
    if (version > newest) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kFailed,
            "the database is of version " + std::to_string(version) + ", this hvisd knows up to " +
                std::to_string(newest),
            "nothing was changed; install the hvisd that wrote it, or `hvisd --restore` a backup "
            "of the older version"));
    }
    for (; version < newest; ++version) {
        const std::string step(steps[static_cast<size_t>(version)]);
        const auto applied = database.transaction(
            [&]() -> Result<void, Failure> {
                HVIS_CHECK(database.execute(step));
                return database.execute("PRAGMA user_version = " + std::to_string(version + 1));
            },
            Durability::kHost);
        HVIS_CHECK(applied);
    }
    return {};
}

}  // namespace hvis::manager
