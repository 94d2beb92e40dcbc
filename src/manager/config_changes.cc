#include "manager/config_changes.h"

namespace hvis::manager {

std::vector<std::string> changes_for_restart(const Config& running, const Config& read) {
    std::vector<std::string> tables;
    const auto note = [&](bool same, const char* table) {
        if (!same) {
            tables.emplace_back(table);
        }
    };
    note(running.directories == read.directories, "[directories]");
    note(running.workers == read.workers, "[workers]");
    note(running.store == read.store, "[store]");
    note(running.events == read.events, "[events]");
    note(running.socket == read.socket, "[socket]");
    note(running.listen == read.listen, "[listen]");
    note(running.hooks == read.hooks, "[[webhook]] and [[hook]]");
    return tables;
}

}  // namespace hvis::manager
