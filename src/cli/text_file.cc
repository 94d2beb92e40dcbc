#include "cli/text_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::Failure;
using control::make_failure;

constexpr mode_t kAllMay = 0666;  // what the umask leaves of it
constexpr mode_t kPermissions = 07777;

Failure unreadable(const std::string& path, int os_error) {
    return make_failure(ErrorCode::kUsage, "cannot read " + path + ": " + std::strerror(os_error),
                        "'hvis kvp export' writes such a file");
}

Failure unwritable(const std::string& path, int os_error) {
    return make_failure(ErrorCode::kFailed, "cannot write " + path + ": " + std::strerror(os_error),
                        "check the folder and the room on its disk");
}

/// Writes all of it and closes the file. 0, or errno.
int write_and_close(UniqueFd file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file.get(), text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<size_t>(written));
        } else if (errno != EINTR) {
            return errno;
        }
    }
    // Some file systems find out only now that there is no room.
    return ::close(file.release()) == 0 ? 0 : errno;
}

/// Makes `beside` and gives it the name `path`. 0, or errno; then nothing is left of it.
int write_beside(const std::string& path, const std::string& beside, const struct stat* former,
                 std::string_view text) {
    UniqueFd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                         former == nullptr ? kAllMay : former->st_mode & kAllMay));
    if (!file) {
        return errno;
    }
    int error = former != nullptr && ::fchmod(file.get(), former->st_mode & kPermissions) != 0
                    ? errno
                    : write_and_close(std::move(file), text);
    if (error == 0 && std::rename(beside.c_str(), path.c_str()) != 0) {
        error = errno;
    }
    if (error != 0) {
        ::unlink(beside.c_str());
    }
    return error;
}

}  // namespace

Result<std::string, Failure> read_file(const std::string& path, size_t most) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        return std::unexpected(unreadable(path, errno));
    }
    std::string text;
    std::array<char, 65536> piece = {};
    while (text.size() < most) {
        const ssize_t got =
            ::read(file.get(), piece.data(), std::min(piece.size(), most - text.size()));
        if (got < 0 && errno != EINTR) {
            return std::unexpected(unreadable(path, errno));
        }
        if (got == 0) {
            break;
        }
        text.append(piece.data(), got < 0 ? 0 : static_cast<size_t>(got));
    }
    return text;
}

Result<void, Failure> replace_file(const std::string& path, std::string_view text) {
    struct stat former = {};
    const bool exists = ::stat(path.c_str(), &former) == 0;
    if (!exists && errno != ENOENT) {
        return std::unexpected(unwritable(path, errno));
    }
    int error = 0;
    if (exists && ::access(path.c_str(), W_OK) != 0) {
        error = errno;  // to take its name would need no more than the folder
    } else if (exists && !S_ISREG(former.st_mode)) {
        UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        error = file ? write_and_close(std::move(file), text) : errno;
    } else {
        // A symbolic link stays one: it is the file behind it that is replaced.
        std::error_code unresolved;
        const auto resolved = std::filesystem::weakly_canonical(path, unresolved);
        const std::string target = unresolved ? path : resolved.string();
        error = write_beside(target, target + "." + std::to_string(::getpid()) + ".new",
                             exists ? &former : nullptr, text);
    }
    if (error != 0) {
        return std::unexpected(unwritable(path, error));
    }
    return {};
}

}  // namespace hvis::cli
