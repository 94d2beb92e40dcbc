#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::worker {

/// What a guest writes to its serial port, kept in a file and the one before it (".1" after its
/// name), each of at most kMaxBytes: the guest decides how much it writes, not how much is kept.
///
/// Both files are opened at the start and change places when one is full, since nothing can be
/// opened once the worker is confined. Loop thread.
class SerialLog {
public:
    static constexpr uint64_t kMaxBytes = uint64_t{4} << 20;

    /// Goes on where the file that is there ends. Fails where `path` or its neighbour is something
    /// else than a regular file that can be written.
    static Result<SerialLog> open(const std::string& path, uint64_t max_bytes = kMaxBytes);

    void append(ByteView bytes);
    /// Bytes that could not be written: a full disk.
    [[nodiscard]] uint64_t lost() const { return lost_; }

private:
    SerialLog(UniqueFd directory, std::string name, uint64_t max_bytes)
        : directory_(std::move(directory)), name_(std::move(name)), max_bytes_(max_bytes) {}
    [[nodiscard]] Result<UniqueFd> open_file(const std::string& name) const;
    [[nodiscard]] bool rename(const std::string& from, const std::string& to) const;
    void rotate();

    UniqueFd directory_;
    std::string name_;
    uint64_t max_bytes_;
    UniqueFd current_;
    UniqueFd before_;
    uint64_t size_ = 0;
    uint64_t lost_ = 0;
};

}  // namespace hvis::worker
