#include "manager/store/database_file.h"

#include <array>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager/store/sqlite_failure.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::make_failure;

std::unexpected<Failure> os_failure(const std::string& what, int error) {
    return std::unexpected(
        make_failure(ErrorCode::kFailed, what + ": " + std::generic_category().message(error),
                     "the user that hvisd runs as must own the folder, and its disk must have "
                     "room"));
}

std::string folder_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

/// Waits until the folder's list of names is on the disk.
Result<void, Failure> sync_folder_of(const std::string& path) {
    const std::string folder = folder_of(path);
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) {
        return os_failure("the folder " + folder + " cannot be written", errno);
    }
    return {};
}

}  // namespace

Result<UniqueFd, Failure> lock_database(const std::string& path,
                                        std::chrono::milliseconds patience) {
    const std::string name = path + ".lock";
    UniqueFd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) {
        return os_failure("the lock " + name + " cannot be opened", errno);
    }
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return os_failure("the lock " + name + " cannot be taken", errno);
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            return std::unexpected(make_failure(
                ErrorCode::kFailed, "the database " + path + " is in use by another hvisd",
                "end that one first (`fuser " + name +
                    "` names it), or give this one a "
                    "`directories.state` of its own"));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return lock;
}

Result<bool, Failure> file_is_missing(const std::string& path) {
    struct stat about{};
    if (::stat(path.c_str(), &about) == 0) {
        if (about.st_size == 0) {
            return std::unexpected(damaged_file(path, "it is empty"));
        }
        return false;
    }
    if (errno != ENOENT) {
        return os_failure("the database " + path + " cannot be looked at", errno);
    }
    if (::stat((path + "-wal").c_str(), &about) == 0 && about.st_size != 0) {
        return std::unexpected(damaged_file(
            path, "it is gone, but its write-ahead log " + path + "-wal is still there"));
    }
    return true;
}

Result<void, Failure> make_private_file(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) {
        return os_failure("the file " + path + " cannot be made", errno);
    }
    return {};
}

Result<void, Failure> give_to_owner_of_folder(const std::string& path) {
    if (::geteuid() != 0) {
        return {};
    }
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat about{};
    struct stat folder{};
    if (!file || ::fstat(file.get(), &about) != 0 ||
        ::stat(folder_of(path).c_str(), &folder) != 0) {
        return os_failure("the owner of " + path + " cannot be told", errno);
    }
    if (!S_ISREG(about.st_mode) || about.st_nlink != 1) {
        return {};
    }
    if (::fchown(file.get(), folder.st_uid, folder.st_gid) != 0) {
        return os_failure(path + " cannot be given to the owner of its folder", errno);
    }
    return {};
}

Result<void, Failure> publish_file(const std::string& finished, const std::string& path) {
    const UniqueFd file(::open(finished.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0) {
        return os_failure("the file " + finished + " cannot be written", errno);
    }
    // A link, unlike a rename, never replaces what is there.
    if (::link(finished.c_str(), path.c_str()) != 0) {
        return os_failure("the file " + path + " cannot be made", errno);
    }
    ::unlink(finished.c_str());
    return sync_folder_of(path);
}

void remove_database_files(const std::string& path) {
    for (const char* suffix : kDatabaseSuffixes) {
        ::unlink((path + suffix).c_str());
    }
}

}  // namespace hvis::manager
