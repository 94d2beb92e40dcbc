#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/log.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "loopback/guest/loopback_guest.h"
#include "loopback/packet_socket.h"

namespace hvis::loopback {

/// Runs guests for hosts: each order that comes over a host's PowerLine is one guest, from the
/// moment that it is switched on until it switches off or its host lets go of it. Loop thread.
class GuestServer {
public:
    static constexpr size_t kMaxLines = 1024;
    static constexpr size_t kMaxGuests = 10'000;
    /// Orders taken from one line before the loop serves others.
    static constexpr int kMaxOrdersPerTurn = 16;

    /// `loop` must outlive the server.
    explicit GuestServer(loop::Loop& loop) : loop_(loop) {}
    ~GuestServer();
    GuestServer(const GuestServer&) = delete;
    GuestServer& operator=(const GuestServer&) = delete;

    /// Takes orders from the host at the other end of a connected socket. One past kMaxLines is
    /// hung up on.
    void add_line(UniqueFd line);
    /// No host is left, and none of its guests.
    [[nodiscard]] bool idle() const { return lines_.empty() && guests_.empty(); }
    [[nodiscard]] size_t guest_count() const { return guests_.size(); }

private:
    void orders_waiting(uint64_t line);
    bool take_order(uint64_t line);
    void run_guest(ByteView order, std::vector<UniqueFd> fds);
    void drop_line(uint64_t line);
    void complain(std::string_view what);

    loop::Loop& loop_;
    std::map<uint64_t, PacketSocket> lines_;
    std::map<uint64_t, std::unique_ptr<LoopbackGuest>> guests_;
    uint64_t next_ = 1;
    LogLimit log_limit_;
};

}  // namespace hvis::loopback
