#include "manager/api/file_copy.h"

#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "base/utf16.h"

namespace hvis::manager {
namespace {

constexpr size_t kChunk = 1024 * 1024;

Result<void, Failure> write_all(int fd, const char* data, size_t size, const std::string& name) {
    while (size != 0) {
        const ssize_t written = ::write(fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return std::unexpected(file_failure("cannot write " + name));
        }
        data += written;
        size -= static_cast<size_t>(written);
    }
    return {};
}

Result<UniqueFd, Failure> create_file(int directory, const std::string& name) {
    UniqueFd file(::openat(directory, name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) {
        return std::unexpected(file_failure("cannot create " + name));
    }
    return file;
}

Result<void, Failure> sync(int fd, const std::string& name) {
    if (::fsync(fd) != 0) {
        return std::unexpected(file_failure("cannot write " + name));
    }
    return {};
}

const char* hint_of(int error) {
    switch (error) {
        case EACCES:
        case EPERM:
        case EROFS:
            return "hvisd reads and writes it as its own user; where its unit lets it write: "
                   "Exports in hvisd(8)";
        case ENOENT:
            return "check the path, which is one of the host that hvisd runs on; its unit hides "
                   "some folders: Exports in hvisd(8)";
        case ENOTDIR:
            return "check the path: it, or a part of it, is no directory";
        case EISDIR:
            return "name a file, not a directory";
        case ELOOP:
            return "it is a symbolic link, or leads over too many: name what it leads to";
        case ENAMETOOLONG:
            return "take a shorter name";
        case ENOSPC:
        case EDQUOT:
            return "free some space there, or name a place on another disk";
        case EIO:
            return "look for a failing disk in the kernel's log (`dmesg`)";
        default:
            return "";
    }
}

}  // namespace

Failure file_failure(const std::string& what) {
    const int error = errno;
    return control::make_failure(
        error == ENOENT ? control::ErrorCode::kNotFound : control::ErrorCode::kFailed,
        fmt::format("{}: {}", escape_for_display(what), std::generic_category().message(error)),
        hint_of(error));
}

Failure cancelled_failure() {
    Failure failure = control::make_failure(control::ErrorCode::kFailed, "cancelled");
    failure.outcome = "cancelled";
    return failure;
}

Result<UniqueFd, Failure> open_regular(int directory, const std::string& name) {
    // O_NONBLOCK: a pipe without a writer must not hold us up before we know that it is one.
    UniqueFd file(::openat(directory, name.c_str(),
                           O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) {
        return std::unexpected(file_failure("cannot open " + name));
    }
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) {
        return std::unexpected(file_failure("cannot open " + name));
    }
    if (!S_ISREG(info.st_mode)) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kUsage, escape_for_display(name) + " is not a regular file"));
    }
    return file;
}

Result<std::string, Failure> read_text(int directory, const std::string& name, size_t most) {
    const UniqueFd file = HVIS_TRY(open_regular(directory, name));
    std::string text(most + 1, '\0');
    size_t size = 0;
    while (size < text.size()) {
        const ssize_t bytes = ::read(file.get(), text.data() + size, text.size() - size);
        if (bytes < 0 && errno == EINTR) {
            continue;
        }
        if (bytes < 0) {
            return std::unexpected(file_failure("cannot read " + name));
        }
        if (bytes == 0) {
            break;
        }
        size += static_cast<size_t>(bytes);
    }
    if (size > most) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kUsage,
            fmt::format("{} is longer than {} bytes", escape_for_display(name), most)));
    }
    text.resize(size);
    return text;
}

Result<CopiedFile, Failure> copy_file(int source, int directory, const std::string& name,
                                      const std::function<void(uint64_t bytes)>& copied,
                                      const std::atomic<bool>& cancelled) {
    const UniqueFd target = HVIS_TRY(create_file(directory, name));
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(EVP_MD_CTX_new(),
                                                                       EVP_MD_CTX_free);
    if (hash == nullptr || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1) {
        return std::unexpected(
            control::make_failure(control::ErrorCode::kFailed, "cannot compute SHA-256"));
    }
    CopiedFile result;
    std::vector<char> buffer(kChunk);
    while (true) {
        if (cancelled) {
            return std::unexpected(cancelled_failure());
        }
        const ssize_t bytes = ::read(source, buffer.data(), buffer.size());
        if (bytes < 0 && errno == EINTR) {
            continue;
        }
        if (bytes < 0) {
            return std::unexpected(file_failure("cannot read " + name));
        }
        if (bytes == 0) {
            break;
        }
        const auto size = static_cast<size_t>(bytes);
        EVP_DigestUpdate(hash.get(), buffer.data(), size);
        HVIS_CHECK(write_all(target.get(), buffer.data(), size, name));
        result.size += size;
        copied(size);
    }
    EVP_DigestFinal_ex(hash.get(), result.sha256.data(), nullptr);
    HVIS_CHECK(sync(target.get(), name));
    return result;
}

Result<void, Failure> write_file(int directory, const std::string& name, std::string_view text) {
    const UniqueFd file = HVIS_TRY(create_file(directory, name));
    HVIS_CHECK(write_all(file.get(), text.data(), text.size(), name));
    return sync(file.get(), name);
}

Result<NewDirectory, Failure> NewDirectory::create(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
        Failure failure = control::make_failure(control::ErrorCode::kFailed,
                                                escape_for_display(path) + " exists already",
                                                "name a directory that does not exist yet");
        failure.outcome = "conflict";
        return std::unexpected(std::move(failure));
    }
    std::string temporary = path + std::string(kSuffix) + "XXXXXX";
    if (::mkdtemp(temporary.data()) == nullptr) {
        return std::unexpected(file_failure("cannot make a directory beside " + path));
    }
    UniqueFd fd(::open(temporary.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
        return std::unexpected(file_failure("cannot open " + temporary));
    }
    return NewDirectory(path, std::move(temporary), std::move(fd));
}

NewDirectory::NewDirectory(NewDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

NewDirectory::~NewDirectory() {
    if (!temporary_.empty()) {
        std::error_code ignored;
        std::filesystem::remove_all(temporary_, ignored);
    }
}

Result<void, Failure> NewDirectory::commit() {
    HVIS_CHECK(sync(fd_.get(), temporary_));
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
        return std::unexpected(file_failure("cannot name the copy " + path_));
    }
    temporary_.clear();
    const std::string parent = std::filesystem::path(path_).parent_path().string();
    const UniqueFd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        return std::unexpected(file_failure("cannot open " + parent));
    }
    return sync(directory.get(), parent);
}

}  // namespace hvis::manager
