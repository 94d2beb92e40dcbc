#pragma once

#include <string>

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace hvis::control {

/// A listening SOCK_SEQPACKET socket with a name in the file system, which goes when it does.
class Listener {
public:
    /// The mode is 0600. A stale socket of that name is replaced; kState where a live one, or
    /// something that is not a socket, is in the way. Blocks for a moment while another process
    /// does the same in that directory.
    static Result<Listener> create(const std::string& path);
    Listener(Listener&& other) noexcept = default;
    Listener& operator=(Listener&&) = delete;
    /// Removes the name if it is still ours.
    ~Listener();

    [[nodiscard]] int fd() const { return socket_.get(); }

    /// The next client; an empty descriptor when there is none. Clients of another user than ours
    /// and root are turned away here.
    [[nodiscard]] Result<UniqueFd> accept() const;

private:
    explicit Listener(UniqueFd socket, std::string path)
        : socket_(std::move(socket)), path_(std::move(path)) {}

    UniqueFd socket_;
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace hvis::control
