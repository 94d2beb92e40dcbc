#include "manager/store/setting_table.h"

namespace hvis::manager {

Result<std::optional<std::string>, Failure> SettingTable::load(const std::string& name) {
    auto row = HVIS_TRY(database_.prepare("SELECT value FROM setting WHERE name = ?"));
    if (!HVIS_TRY(row.bind(1, name).step())) {
        return std::optional<std::string>();
    }
    return std::optional(row.text(0));
}

Result<void, Failure> SettingTable::save(const std::string& name, const std::string& value) {
    auto row =
        HVIS_TRY(database_.prepare("INSERT INTO setting (name, value) VALUES (?, ?) "
                                   "ON CONFLICT (name) DO UPDATE SET value = excluded.value"));
    return row.bind(1, name).bind(2, value).run();
}

}  // namespace hvis::manager
