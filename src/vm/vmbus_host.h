#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "loop/loop.h"
#include "vm/channel_endpoint.h"
#include "vm/partition.h"
#include "vmbus/channel_server.h"

namespace hvis::vm {

/// A device behind one channel (a VSP or an integration component). Loop thread.
class VmbusDevice {
public:
    virtual ~VmbusDevice() = default;
    VmbusDevice() = default;
    VmbusDevice(const VmbusDevice&) = delete;
    VmbusDevice& operator=(const VmbusDevice&) = delete;

    [[nodiscard]] virtual vmbus::OfferParams offer() const = 0;
    /// The guest opened the channel. The endpoint lives until closed() returned.
    virtual void opened(ChannelEndpoint& endpoint) = 0;
    /// Gone: closed by the guest, rescinded, or reset.
    virtual void closed() = 0;
    /// The guest rang, or made room in the outgoing ring.
    virtual void kicked() = 0;
};

/// Told what the VMBus connection as a whole does.
class VmbusObserver {
public:
    virtual ~VmbusObserver() = default;
    virtual void vmbus_connected(wire::VmbusVersion version) = 0;
    virtual void vmbus_disconnected(vmbus::DisconnectReason reason) = 0;
    /// A message of the guest broke the protocol and was dropped; `suppressed` more were since the
    /// last call. At most a few calls in ten seconds (LogLimit).
    virtual void vmbus_message_rejected(std::string_view reason, uint32_t suppressed) = 0;
};

/// Joins the sans-IO channel server to a partition and its devices: carries out the server's
/// effects and feeds its messages one by one into the guest's slot. Loop thread.
class VmbusHost {
public:
    /// All must outlive this object; `observer` may be null.
    VmbusHost(Partition& partition, loop::Loop& loop, wire::VmbusVersion max_version,
              VmbusObserver* observer);
    ~VmbusHost();

    /// Offers a device; it must outlive this object. Fails as ChannelServer::add_offer does.
    Result<vmbus::OfferId> add(VmbusDevice& device);
    /// Withdraws / shows it again while the guest runs.
    Result<void> withdraw(vmbus::OfferId offer);
    Result<void> show(vmbus::OfferId offer);
    /// Takes the device out for good: it is not called again once this returned.
    Result<void> remove(vmbus::OfferId offer);

    /// From PartitionClient.
    bool message_posted(uint32_t connection_id, uint32_t type, ByteView payload);
    void message_slot_freed();

    /// The partition is about to be reset: every channel closes.
    void reset();

    [[nodiscard]] std::optional<wire::VmbusVersion> version() const { return server_.version(); }
    [[nodiscard]] std::optional<vmbus::OfferStatus> status(vmbus::OfferId offer) const {
        return server_.status(offer);
    }
    /// Messages from the guest that broke the protocol, since the start.
    [[nodiscard]] uint64_t rejected_messages() const { return rejected_; }

    /// How long a slot stays busy before somebody looks whether it really is: at first, and at
    /// most.
    static constexpr Duration kFirstLook = std::chrono::milliseconds(10);
    static constexpr Duration kLongestLook = std::chrono::seconds(1);

private:
    struct Slot {
        VmbusDevice* device;
        std::unique_ptr<ChannelEndpoint> endpoint;
    };

    void run();
    void apply(const vmbus::Connected& effect);
    void apply(const vmbus::Disconnected& effect);
    void apply(const vmbus::OpenChannel& effect);
    void apply(const vmbus::CloseChannel& effect);
    void apply(const vmbus::RetargetChannel& effect);
    void apply(const vmbus::GpadlCreated& effect);
    void apply(const vmbus::ReleaseGpadl& effect);
    void post_messages();
    void wait_for_slot();
    void slot_may_be_free();
    void forget_slot();
    void note_rejected(const Error& error);

    Partition& partition_;
    loop::Loop& loop_;
    VmbusObserver* observer_;
    vmbus::ChannelServer server_;
    std::map<vmbus::OfferId, Slot> slots_;
    bool slot_busy_ = false;              ///< a message waits for the guest to empty its slot
    loop::Loop::TimerId look_again_ = 0;  ///< at the slot, should its end of message be lost
    Duration look_again_after_ = kFirstLook;
    bool refused_one_ = false;  ///< the partition holds messages back for us
    bool running_ = false;      ///< run() is on the stack: effects of effects are carried out there
    uint64_t rejected_ = 0;
    LogLimit rejected_limit_;
};

}  // namespace hvis::vm
