#include "vm/boot/image_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hvis::vm {

Result<std::unique_ptr<FileImage>> FileImage::open(const char* path) {
    UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd) {
        return fail_errno("open of a boot file");
    }
    return adopt(std::move(fd));
}

Result<std::unique_ptr<FileImage>> FileImage::adopt(UniqueFd fd) {
    struct stat status{};
    if (fstat(fd.get(), &status) != 0) {
        return fail_errno("fstat of a boot file");
    }
    // A size that is not the file's own (a pipe, a device) could not be trusted later.
    if (!S_ISREG(status.st_mode)) {
        return fail(Errc::kInvalid, "a boot file is not a regular file");
    }
    return std::unique_ptr<FileImage>(
        new FileImage(std::move(fd), static_cast<uint64_t>(status.st_size)));
}

Result<void> FileImage::read_at(uint64_t offset, MutableByteView to) const {
    if (offset > size_ || to.size() > size_ - offset) {
        return fail(Errc::kNotFound, "a boot file is cut short");
    }
    while (!to.empty()) {
        const ssize_t count = pread(fd_.get(), to.data(), to.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail_errno("read of a boot file");
        }
        if (count == 0) {
            return fail(Errc::kInvalid, "a boot file became shorter while it was read");
        }
        to = to.subspan(static_cast<size_t>(count));
        offset += static_cast<uint64_t>(count);
    }
    return {};
}

Result<void> BytesImage::read_at(uint64_t offset, MutableByteView to) const {
    if (offset > bytes_.size() || to.size() > bytes_.size() - offset) {
        return fail(Errc::kNotFound, "a boot file is cut short");
    }
    if (!to.empty()) {
        std::memcpy(to.data(), bytes_.data() + offset, to.size());
    }
    return {};
}

}  // namespace hvis::vm
