#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/loop.h"

namespace hvis::loopback {

/// Where guest processes come to be attached: a Unix SOCK_SEQPACKET socket of mode 0600. Loop
/// thread.
class Listener {
public:
    /// Guests that may wait to be accepted.
    static constexpr int kBacklog = 1024;
    /// Guests accepted before the loop serves others.
    static constexpr int kMaxPerTurn = 16;

    using Connected = std::function<void(UniqueFd socket)>;

    /// Takes over a stale socket at `path`. `loop` must outlive the listener.
    static Result<std::unique_ptr<Listener>> create(loop::Loop& loop, std::string path,
                                                    Connected connected);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

private:
    Listener(loop::Loop& loop, std::string path, UniqueFd fd, Connected connected);
    void accept_some();

    loop::Loop& loop_;
    std::string path_;
    UniqueFd fd_;
    Connected connected_;
};

}  // namespace hvis::loopback
