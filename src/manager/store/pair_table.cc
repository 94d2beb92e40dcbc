#include "manager/store/pair_table.h"

#include <algorithm>

namespace hvis::manager {

Result<std::vector<HeldPair>, Failure> PairTable::load(const Guid& vm) {
    auto rows = HVIS_TRY(
        database_.prepare("SELECT pool, key, value FROM pair WHERE vm = ? ORDER BY pool, key"));
    rows.bind(1, vm.to_string());
    std::vector<HeldPair> pairs;
    while (HVIS_TRY(rows.step())) {
        const auto word = std::ranges::find(control::kPoolWords, rows.text(0));
        if (word == control::kPoolWords.end()) {
            continue;  // A pool that only another version knows: left for it.
        }
        pairs.push_back({.pool = static_cast<control::Pool>(word - control::kPoolWords.begin()),
                         .key = rows.text(1),
                         .value = rows.text(2)});
    }
    return pairs;
}

Result<void, Failure> PairTable::save(const Guid& vm, const HeldPair& pair) {
    auto row = HVIS_TRY(
        database_.prepare("INSERT INTO pair (vm, pool, key, value) "
                          "SELECT id, ?2, ?3, ?4 FROM vm WHERE id = ?1 "
                          "ON CONFLICT (vm, pool, key) DO UPDATE SET value = excluded.value"));
    HVIS_CHECK(row.bind(1, vm.to_string())
                   .bind(2, to_string(pair.pool))
                   .bind(3, pair.key)
                   .bind(4, pair.value)
                   .run());
    if (database_.changes() == 0) {
        return std::unexpected(control::make_failure(control::ErrorCode::kNotFound,
                                                     "there is no VM " + vm.to_string()));
    }
    return {};
}

Result<void, Failure> PairTable::remove(const Guid& vm, control::Pool pool,
                                        const std::string& key) {
    auto row =
        HVIS_TRY(database_.prepare("DELETE FROM pair WHERE vm = ? AND pool = ? AND key = ?"));
    return row.bind(1, vm.to_string()).bind(2, to_string(pool)).bind(3, key).run();
}

}  // namespace hvis::manager
