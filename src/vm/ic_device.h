#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/log.h"
#include "ic/host_service.h"
#include "loop/loop.h"
#include "vm/vmbus_host.h"

namespace hvis::vm {

/// Carries one integration service over its channel: drains the ring into the service, lets it send
/// while there is room, and keeps its timer. Loop thread.
class IcDevice : public VmbusDevice {
public:
    /// Reads all clocks at one moment.
    using ClockSource = std::function<Clocks()>;
    /// Called after anything that may have given the service effects to be taken.
    using Changed = std::function<void()>;

    /// Room that must be free before the service is asked for a packet, so that a time sample is
    /// not built long before it can leave.
    static constexpr uint32_t kMinRoom = 512;
    /// Packets taken from one ring before the loop serves others.
    static constexpr uint32_t kMaxPacketsPerTurn = 64;

    /// All must outlive the device. `name` is for the log.
    IcDevice(std::string_view name, ic::HostService& service, const Guid& interface_type,
             const Guid& instance, loop::Loop& loop, ClockSource clocks, Changed changed);
    ~IcDevice() override;

    [[nodiscard]] vmbus::OfferParams offer() const override;
    void opened(ChannelEndpoint& endpoint) override;
    void closed() override;
    void kicked() override;

    /// A request was made of the service: send what it has, and arm its timer.
    void pump();

    [[nodiscard]] bool is_open() const { return endpoint_ != nullptr; }
    /// Packets that broke the service's protocol, since the start.
    [[nodiscard]] uint64_t rejected_packets() const { return rejected_; }
    /// Times the guest rang, since the channel opened.
    [[nodiscard]] uint64_t kicks() const { return endpoint_ == nullptr ? 0 : endpoint_->kicks(); }
    [[nodiscard]] uint64_t packets_received() const { return received_; }
    [[nodiscard]] uint64_t packets_sent() const { return sent_; }
    /// Bytes of those packets' payloads.
    [[nodiscard]] uint64_t bytes_received() const { return bytes_received_; }
    [[nodiscard]] uint64_t bytes_sent() const { return bytes_sent_; }

private:
    [[nodiscard]] bool found_broken();
    void receive(const Clocks& clocks);
    void send(const Clocks& clocks);
    void arm_timer();
    void timer_fired();
    void note_rejected(const Error& error);

    std::string_view name_;
    ic::HostService& service_;
    Guid interface_;
    Guid instance_;
    loop::Loop& loop_;
    ClockSource clocks_;
    Changed changed_;
    ChannelEndpoint* endpoint_ = nullptr;
    Bytes buffer_;
    bool broken_ = false;           ///< and the service knows
    std::optional<Bytes> waiting_;  ///< built, and the ring had no room for it
    uint64_t next_transaction_ = 1;
    loop::Loop::TimerId timer_ = 0;
    std::optional<TimePoint> armed_for_;
    loop::Loop::TimerId turn_ = 0;
    uint64_t received_ = 0;
    uint64_t sent_ = 0;
    uint64_t bytes_received_ = 0;
    uint64_t bytes_sent_ = 0;
    uint64_t rejected_ = 0;
    LogLimit log_limit_;
};

}  // namespace hvis::vm
