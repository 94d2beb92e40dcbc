#include "manager/store/token_table.h"

#include <algorithm>

#include "manager/store/columns.h"

namespace hvis::manager {

Result<void, Failure> TokenTable::save(const TokenRecord& token) {
    auto row = HVIS_TRY(database_.prepare(
        "INSERT INTO token (id, name, role, sha256, created, last_used) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
        "role = excluded.role, last_used = excluded.last_used"));
    row.bind(1, token.id.to_string())
        .bind(2, token.name)
        .bind(3, kRoleWords[std::to_underlying(token.role)])
        .bind(4, token.sha256)
        .bind(5, to_column(token.created));
    return bind_time(row, 6, token.last_used).run();
}

Result<std::vector<TokenRecord>, Failure> TokenTable::load() {
    auto rows = HVIS_TRY(database_.prepare(
        "SELECT id, name, role, sha256, created, last_used FROM token ORDER BY created, rowid"));
    std::vector<TokenRecord> tokens;
    while (HVIS_TRY(rows.step())) {
        const auto word = std::ranges::find(kRoleWords, rows.text(2));
        if (word == kRoleWords.end()) {
            continue;
        }
        tokens.push_back({.id = guid_at(rows, 0),
                          .name = rows.text(1),
                          .role = static_cast<Role>(word - kRoleWords.begin()),
                          .sha256 = rows.text(3),
                          .created = time_from_column(rows.integer(4)),
                          .last_used = time_at(rows, 5)});
    }
    return tokens;
}

Result<bool, Failure> TokenTable::remove(const Guid& id) {
    auto row = HVIS_TRY(database_.prepare("DELETE FROM token WHERE id = ?"));
    HVIS_CHECK(row.bind(1, id.to_string()).run());
    return database_.changes() != 0;
}

}  // namespace hvis::manager
