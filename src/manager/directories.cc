#include "manager/directories.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <sys/stat.h>

namespace hvis::manager {
namespace {

using control::Failure;

std::string parent_of(const std::string& path) {
    return std::filesystem::path(path).parent_path().string();
}

/// Zero, or an errno value.
int make(const std::string& path, mode_t mode) {
    return ::mkdir(path.c_str(), mode) == 0 || errno == EEXIST ? 0 : errno;
}

/// From the first that is there downwards. What cannot be made shows when the last one is.
void make_parents(const std::string& path) {
    const std::string parent = parent_of(path);
    if (parent.size() < path.size() && make(parent, 0700) == ENOENT) {
        make_parents(parent);
        (void)make(parent, 0700);
    }
}

Result<void, Failure> make_directory(const std::string& path, mode_t mode,
                                     const std::string& usual) {
    if (path == usual) {
        make_parents(path);
    }
    if (const int error = make(path, mode); error != 0) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kFailed,
            "cannot make " + path + ": " + std::generic_category().message(error),
            directory_hint(path, error)));
    }
    return {};
}

}  // namespace

Result<void, Failure> make_directories(const Config::Directories& directories,
                                       const Config::Directories& usual) {
    // First: where there is no XDG_RUNTIME_DIR, the other is within it.
    HVIS_CHECK(make_directory(directories.state, 0750, usual.state));
    HVIS_CHECK(make_directory(directories.state + "/vms", 0750, {}));
    HVIS_CHECK(make_directory(directories.runtime, 0755, usual.runtime));
    return make_directory(directories.runtime + "/vms", 0750, {});
}

std::string directory_hint(const std::string& path, int error) {
    switch (error) {
        case ENOENT:
            return "make the directory above it first (`mkdir -p " + parent_of(path) +
                   "`), or name another one in [directories] of hvisd.toml";
        case ENOTDIR:
        case ELOOP:
        case ENAMETOOLONG:
            return "name another one in [directories] of hvisd.toml";
        case ENOSPC:
        case EDQUOT:
            return "free some space there";
        case EROFS:
            return "it is mounted read-only: mount it read-write, or name another one in "
                   "[directories] of hvisd.toml";
        default:
            return "hvisd's user must be able to write there: docs/hvisd.md, Files";
    }
}

}  // namespace hvis::manager
