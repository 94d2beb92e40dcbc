#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/failure.h"
#include "manager/api/secret.h"

namespace hvis::manager {

using control::Failure;

struct CopiedFile {
    uint64_t size = 0;
    Sha256 sha256{};
};

/// "cannot write FILE: No space left on device", from errno, with the next step. kNotFound where
/// there is no such file or folder.
Failure file_failure(const std::string& what);
/// What a cancelled copy ends with.
Failure cancelled_failure();

/// Opens a regular file for reading: no link, no device, no pipe that would never end.
Result<UniqueFd, Failure> open_regular(int directory, const std::string& name);

/// All of a regular file that has at most `most` bytes.
Result<std::string, Failure> read_text(int directory, const std::string& name, size_t most);

/// Copies all of `source` into the new file `name` of `directory`, hashes what it copies, and
/// brings it to the disk. `copied` is called with the bytes of each step.
Result<CopiedFile, Failure> copy_file(int source, int directory, const std::string& name,
                                      const std::function<void(uint64_t bytes)>& copied,
                                      const std::atomic<bool>& cancelled);

/// Writes a small file and brings it to the disk.
Result<void, Failure> write_file(int directory, const std::string& name, std::string_view text);

/// Makes a directory under a temporary name beside `path`; commit() gives it that name if nothing
/// has it; without that it is removed with what is in it.
class NewDirectory {
public:
    /// Between the name that it will have and six letters at random.
    static constexpr std::string_view kSuffix = ".partial-";

    static Result<NewDirectory, Failure> create(const std::string& path);
    NewDirectory(NewDirectory&& other) noexcept;
    NewDirectory& operator=(NewDirectory&&) = delete;
    ~NewDirectory();

    [[nodiscard]] int fd() const { return fd_.get(); }
    Result<void, Failure> commit();

private:
    NewDirectory(std::string path, std::string temporary, UniqueFd fd)
        : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}
    std::string path_;
    std::string temporary_;  // empty: committed or moved from
    UniqueFd fd_;
};

}  // namespace hvis::manager
