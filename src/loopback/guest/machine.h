#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "loopback/packet_socket.h"
#include "loopback/protocol.h"
#include "vm/guest_memory.h"

namespace hvis::loopback {

/// What the machine tells the guest that runs on it; all on the loop thread.
class MachineClient {
public:
    virtual ~MachineClient() = default;
    /// Power on, after attaching or a reset: RAM is zeroed, no page is set up, no port connected.
    virtual void started() = 0;
    /// The host has interrupted; which processor and what for stands in the SynIC pages. May come
    /// without reason.
    virtual void interrupted() = 0;
    /// The oldest post_message() that was not answered yet came to this.
    virtual void message_answered(wire::HvStatus status) = 0;
    /// The guest must do nothing until resumed(): the host has stopped its processors.
    virtual void paused() = 0;
    virtual void resumed() = 0;
    /// Forget everything; started() follows.
    virtual void reset() = 0;
    /// The host is gone or broke the protocol: the machine is no more. It may be destroyed from
    /// here on, but not from within this call.
    virtual void host_gone(std::string_view why) = 0;
};

/// The machine that a loopback guest runs on, as seen from inside: RAM, hypercalls and registers of
/// the synthetic interrupt controller, all over one attachment to a LoopbackPartition. Loop thread.
class Machine {
public:
    /// Packets taken before the loop serves others.
    static constexpr int kMaxPacketsPerTurn = 32;

    /// `socket` is connected to the host. `loop` and `client` must outlive the machine.
    static Result<std::unique_ptr<Machine>> create(UniqueFd socket, loop::Loop& loop,
                                                   MachineClient& client);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// From started() on.
    [[nodiscard]] vm::GuestMemory& memory() { return *memory_; }
    [[nodiscard]] uint32_t processors() const { return processors_; }
    /// The partition reference counter now, 100 ns units.
    [[nodiscard]] uint64_t reference_time() const;

    /// HvPostMessage; message_answered() brings the status. Post the next one after that.
    void post_message(uint32_t connection_id, uint32_t type, ByteView payload);
    /// HvSignalEvent. A message that says that a channel is open may overtake the packet with the
    /// channel's port: a signal for a port that is not there yet is delivered with it.
    void signal_event(uint32_t connection_id);
    void write_register(uint32_t processor, SynicRegister index, uint64_t value);
    void end_of_message(uint32_t processor);

    void crash(const Crash& report);
    /// Switches the machine off, or asks for a reset; the process goes on.
    void stop(StopKind kind);

    /// Ends the attachment without a word, as a process that is killed does.
    void hang_up();

    /// Sends bytes that are no packet of the protocol, for tests of the host.
    void send_raw(ByteView bytes);

private:
    Machine(UniqueFd socket, loop::Loop& loop, MachineClient& client);

    void on_socket();
    bool receive_one();
    Result<void> on_packet(const HostPacket& packet, std::vector<UniqueFd> fds);
    Result<void> attached(const Attach& packet, std::vector<UniqueFd> fds);
    void on_interrupt();
    void send(const GuestPacket& packet);
    void lose_host(std::string_view why);

    PacketSocket socket_;
    loop::Loop& loop_;
    MachineClient& client_;
    std::optional<vm::GuestMemory> memory_;
    UniqueFd interrupt_;
    uint32_t processors_ = 0;
    int64_t reference_epoch_ns_ = 0;
    std::map<uint32_t, UniqueFd> ports_;
    std::set<uint32_t> early_signals_;
    bool running_ = false;
    bool paused_ = false;
    bool lost_ = false;
};

}  // namespace hvis::loopback
