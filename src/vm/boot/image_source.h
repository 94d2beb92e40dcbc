#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::vm {

/// A file to boot from. Its bytes may change or vanish under us: every read may fail, and nothing
/// that was checked is read again.
class ImageSource {
public:
    virtual ~ImageSource() = default;
    ImageSource() = default;
    ImageSource(const ImageSource&) = delete;
    ImageSource& operator=(const ImageSource&) = delete;

    [[nodiscard]] virtual uint64_t size() const = 0;
    /// All of `to`, or an error; kNotFound where the file has not so many bytes.
    [[nodiscard]] virtual Result<void> read_at(uint64_t offset, MutableByteView to) const = 0;
};

/// An open regular file.
class FileImage : public ImageSource {
public:
    static Result<std::unique_ptr<FileImage>> open(const char* path);
    static Result<std::unique_ptr<FileImage>> adopt(UniqueFd fd);

    [[nodiscard]] uint64_t size() const override { return size_; }
    [[nodiscard]] Result<void> read_at(uint64_t offset, MutableByteView to) const override;

private:
    FileImage(UniqueFd fd, uint64_t size) : fd_(std::move(fd)), size_(size) {}

    UniqueFd fd_;
    uint64_t size_;
};

/// Bytes in memory that outlive it.
class BytesImage : public ImageSource {
public:
    explicit BytesImage(ByteView bytes) : bytes_(bytes) {}

    [[nodiscard]] uint64_t size() const override { return bytes_.size(); }
    [[nodiscard]] Result<void> read_at(uint64_t offset, MutableByteView to) const override;

private:
    ByteView bytes_;
};

}  // namespace hvis::vm
