#include "manager/lost_database.h"

#include <filesystem>
#include <optional>

#include <fmt/format.h>

namespace hvis::manager {
namespace {

namespace fs = std::filesystem;

/// One of the folders in `directory` that has `name` in it ("": any). What cannot be looked into
/// has none: the start fails at it later, with the reason.
std::optional<std::string> folder_with(const std::string& directory, const char* name) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code ignored;
        if (fs::exists(fs::symlink_status(entry->path() / name, ignored))) {
            return entry->path().string();
        }
    }
    return std::nullopt;
}

}  // namespace

Result<void, control::Failure> check_not_lost(const std::string& database,
                                              const Config::Directories& directories) {
    std::error_code ignored;
    if (fs::status(database, ignored).type() != fs::file_type::not_found) {
        return {};
    }
    // Where its log is left there is more to be said, and Database::open() says it.
    std::error_code none;
    if (fs::file_size(database + "-wal", none) != 0 && !none) {
        return {};
    }
    const std::string kept = directories.state + "/vms";
    const std::string running = directories.runtime + "/vms";
    auto trace = folder_with(running, "control.sock");
    if (!trace) {
        trace = folder_with(kept, "");
    }
    if (!trace) {
        return {};
    }
    return std::unexpected(control::make_failure(
        control::ErrorCode::kFailed,
        fmt::format("the database {} is gone, but there are VMs that it knew: {}", database,
                    *trace),
        fmt::format(
            "nothing was changed; put a backup in its place with `hvisd --restore BACKUP`, or "
            "begin anew without these VMs: end those that run (`hvis-vm --connect "
            "{}/ID/control.sock power-off`), then remove {}/* and {}/*",
            running, running, kept)));
}

}  // namespace hvis::manager
