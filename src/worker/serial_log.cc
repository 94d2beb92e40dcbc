#include "worker/serial_log.h"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hvis::worker {

Result<SerialLog> SerialLog::open(const std::string& path, uint64_t max_bytes) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        return fail_errno("cannot open the directory of the serial port's log");
    }
    SerialLog log(std::move(directory), path.substr(slash + 1), max_bytes);
    log.current_ = HVIS_TRY(log.open_file(log.name_));
    log.before_ = HVIS_TRY(log.open_file(log.name_ + ".1"));
    struct stat status{};
    if (::fstat(log.current_.get(), &status) != 0) {
        return fail_errno("fstat");
    }
    log.size_ = static_cast<uint64_t>(status.st_size);
    return log;
}

Result<UniqueFd> SerialLog::open_file(const std::string& name) const {
    // Not blocking: somebody else's pipe of that name must not hold us.
    UniqueFd file(::openat(directory_.get(), name.c_str(),
                           O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                           0600));
    if (!file) {
        return fail_errno("cannot open the serial port's log");
    }
    struct stat status{};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail(Errc::kInvalid, "the serial port's log must be a regular file");
    }
    return file;
}

void SerialLog::append(ByteView bytes) {
    while (!bytes.empty()) {
        if (size_ >= max_bytes_) {
            rotate();
        }
        const size_t room =
            static_cast<size_t>(std::min<uint64_t>(bytes.size(), max_bytes_ - size_));
        const ssize_t written = ::write(current_.get(), bytes.data(), room);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            lost_ += bytes.size();
            return;
        }
        size_ += static_cast<uint64_t>(written);
        bytes = bytes.subspan(static_cast<size_t>(written));
    }
}

/// The older file becomes the current one, emptied. Should a name not change, what is kept is the
/// same under the other name.
void SerialLog::rotate() {
    if (::ftruncate(before_.get(), 0) != 0) {
        return;
    }
    const std::string aside = name_ + ".2";
    if (rename(name_, aside) && rename(name_ + ".1", name_)) {
        (void)rename(aside, name_ + ".1");
    }
    std::swap(current_, before_);
    size_ = 0;
}

bool SerialLog::rename(const std::string& from, const std::string& to) const {
    return ::renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) == 0;
}

}  // namespace hvis::worker
