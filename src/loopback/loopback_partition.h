#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "loopback/interrupt_line.h"
#include "loopback/packet_socket.h"
#include "loopback/protocol.h"
#include "vm/guest_memory.h"
#include "vm/partition.h"
#include "vm/synic.h"

namespace hvis::loopback {

/// What a loopback partition is made of.
struct PartitionConfig {
    static constexpr uint64_t kMinMemory = uint64_t{64} << 10;
    static constexpr uint64_t kMaxMemory = uint64_t{1} << 30;
    static constexpr uint32_t kMaxProcessors = 64;

    uint64_t memory_bytes = uint64_t{512} << 10;  ///< a multiple of the page size
    uint32_t processors = 1;
};

/// A child partition that is an ordinary process: its RAM is a memfd that both sides map, its
/// hypercalls are packets (loopback/protocol.h) and eventfds. It needs no KVM, and thousands fit on
/// one machine. Loop thread, but for signal_event.
///
/// The process is as hostile as any guest: what it sends is checked and counted, what waits for it
/// or from it is bounded, and it cannot make the host wait. Its end, or a socket that it leaves
/// unread, is a triple fault. pause() takes effect in the process when it next looks at its socket;
/// the host takes nothing from it from then on until resume().
class LoopbackPartition : public vm::Partition {
public:
    /// Packets taken from one guest before the loop serves others.
    static constexpr int kMaxPacketsPerTurn = 16;
    /// Guest physical address of RAM; not 0, so that an offset is not taken for an address.
    static constexpr vm::GuestAddress kRamStart{uint64_t{1} << 20};

    /// `loop` must outlive the partition. Fails with kInvalid outside PartitionConfig's limits.
    static Result<std::unique_ptr<LoopbackPartition>> create(const PartitionConfig& config,
                                                             loop::Loop& loop);
    ~LoopbackPartition() override;

    /// Who is told; before attach(). Must outlive the partition.
    void set_client(vm::PartitionClient* client) { client_ = client; }

    /// Gives the partition the process at the other end of a connected SOCK_SEQPACKET socket. It
    /// runs once start() is called too, before or after. Fails with kState while another is
    /// attached, and from the end of one until reset().
    Result<void> attach(UniqueFd socket);
    /// Lets go of the process, which sees its host gone. The client is not told; reset(), or let
    /// the partition go.
    void detach();
    /// Takes the process away and tells the client that the partition has stopped for this reason,
    /// unless it has stopped already.
    void request_stop(vm::StopReason reason);
    [[nodiscard]] bool is_attached() const { return socket_.has_value(); }

    /// Packets from the process that were malformed or named what does not exist.
    [[nodiscard]] uint64_t rejected_packets() const { return rejected_; }
    /// HvPostMessage calls that were answered HV_STATUS_INSUFFICIENT_BUFFERS.
    [[nodiscard]] uint64_t refused_messages() const { return refused_; }

    [[nodiscard]] vm::GuestMemory& memory() override { return memory_; }
    [[nodiscard]] uint32_t processor_count() const override { return config_.processors; }
    [[nodiscard]] uint64_t reference_time() const override;
    void accept_messages(uint32_t connection_id) override;
    void retry_messages() override;
    Result<vm::PostResult> post_message(vm::SynicTarget target,
                                        const vm::SynicMessage& message) override;
    void signal_event(vm::SynicTarget target, uint16_t flag) override;
    void signal_event_again(vm::SynicTarget target, uint16_t flag) override;
    Result<void> connect_port(uint32_t connection_id, int event_fd) override;
    void disconnect_port(uint32_t connection_id) override;
    Result<void> start() override;
    void pause() override;
    void resume() override;
    /// What the process still sends from before is dropped until it says that it has begun anew.
    Result<void> reset() override;

private:
    LoopbackPartition(const PartitionConfig& config, loop::Loop& loop, vm::GuestMemory memory,
                      InterruptLine interrupt);

    void run_processors();
    void on_socket(uint32_t events);
    bool receive_one();
    void on_packet(const GuestPacket& packet);
    void handle(const PostMessage& packet);
    void handle(const WriteRegister& packet);
    void handle(const EndOfMessage& packet);
    void handle(const Crash& packet);
    void handle(const Stop& packet);
    void handle(const ResetDone& packet);
    void stop(vm::StopReason reason);
    void guest_gone();
    void deliver_messages();
    void send(const HostPacket& packet, std::span<const int> fds = {});
    void reject(std::string_view what);
    void watch_for(uint32_t events);

    PartitionConfig config_;
    loop::Loop& loop_;
    vm::PartitionClient* client_ = nullptr;
    vm::GuestMemory memory_;
    vm::Synic synic_;
    InterruptLine interrupt_;
    std::optional<PacketSocket> socket_;
    TimePoint reference_epoch_;

    std::set<uint32_t> accepted_ids_;
    std::deque<PostMessage> messages_;  ///< answered kSuccess, not yet taken by the client
    bool held_back_ = false;            ///< the client said: not now
    bool delivering_ = false;
    std::set<vm::SynicTarget> busy_slots_;

    bool started_ = false;
    bool processors_run_ = false;  ///< the process was told to start
    bool paused_ = false;
    bool stopped_ = false;  ///< the client was told; nothing but reset() goes on
    uint32_t generation_ = 0;
    bool awaiting_reset_done_ = false;

    uint64_t rejected_ = 0;
    uint64_t refused_ = 0;
    LogLimit log_limit_;
};

}  // namespace hvis::loopback
