#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "loopback/guest/machine.h"
#include "loopback/guest/message_pump.h"
#include "loopback/guest/service_ports.h"
#include "loopback/guest/services.h"
#include "loopback/guest/synic_pages.h"
#include "loopback/guest/vandal.h"
#include "loopback/guest_fault.h"
#include "vmbus/channel_client.h"

namespace hvis::loopback {

enum class GuestEnd : uint8_t {
    kPoweredOff,  ///< the host asked for it, or power_off()
    kDied,        ///< GuestFault::kDies
    kHostGone,    ///< the host hung up, or broke the protocol
};

/// What a loopback guest is made of.
struct GuestConfig {
    std::string name = "loopback";
    GuestFault fault = GuestFault::kNone;
    uint64_t seed = 1;  ///< of the vandal
    wire::VmbusVersion max_version = wire::VmbusVersion::kWin10_5_3;
};

/// A guest that is no virtual machine: VMBus and the guest halves of the integration services over
/// one attachment to a LoopbackPartition. Many fit on one loop. Loop thread.
class LoopbackGuest final : private MachineClient {
public:
    /// How long a host may take to let go of the channels before the guest switches off without
    /// that. Linux: UNLOAD_DELAY_LOOPS (10 s).
    static constexpr Duration kUnloadTimeout = std::chrono::seconds(10);

    /// `socket` is connected to the host; `loop` must outlive the guest. `ended` comes once, never
    /// from within a call of the owner's; the guest may be destroyed in it.
    static Result<std::unique_ptr<LoopbackGuest>> create(UniqueFd socket, loop::Loop& loop,
                                                         GuestConfig config,
                                                         std::function<void(GuestEnd)> ended);
    ~LoopbackGuest() override;
    LoopbackGuest(const LoopbackGuest&) = delete;
    LoopbackGuest& operator=(const LoopbackGuest&) = delete;

    /// Gives up the channels and switches the machine off, as an administrator in the guest would.
    void power_off() { leave(StopKind::kPowerOff); }
    /// Reports a crash, as a panicking kernel does, and stops doing anything.
    void crash(std::string text);

    [[nodiscard]] Services& services() { return services_; }
    /// Services whose channel is open.
    [[nodiscard]] size_t open_channels() const { return ports_ ? ports_->open_count() : 0; }
    [[nodiscard]] std::optional<wire::VmbusVersion> version() const { return version_; }
    /// Messages that the host had no buffer for, since the last boot.
    [[nodiscard]] uint64_t refused_messages() const { return pump_ ? pump_->refusals() : 0; }

private:
    LoopbackGuest(loop::Loop& loop, GuestConfig config, std::function<void(GuestEnd)> ended);

    void started() override;
    void interrupted() override;
    void message_answered(wire::HvStatus status) override;
    void paused() override;
    void resumed() override;
    void reset() override;
    void host_gone(std::string_view why) override;

    Result<void> boot();
    Result<void> take_messages(SynicPages& pages, uint32_t processor);
    Result<void> take_events(SynicPages& pages);
    Result<void> carry_out_effects();
    Result<void> apply(const vmbus::ChannelClient::Effect& effect);
    /// The services have handled what their channels brought.
    void after_packets(const Clocks& now);
    /// All services are connected: the moment for some faults. The guest may be blank afterwards.
    void fail_on_purpose();
    void obey(const std::vector<ic::ShutdownGuest::Order>& orders);
    void leave(StopKind kind);
    void stop();
    void end(GuestEnd how);
    void settle(const Result<void>& result);
    [[nodiscard]] Clocks clocks() const;

    loop::Loop& loop_;
    GuestConfig config_;
    std::function<void(GuestEnd)> ended_;
    Services services_;
    std::unique_ptr<Machine> machine_;

    // Made by boot(), gone with reset().
    std::optional<vmbus::ChannelClient> client_;
    std::optional<MessagePump> pump_;
    std::optional<ServicePorts> ports_;
    std::optional<Vandal> vandal_;
    std::vector<SynicPages> pages_;
    std::optional<wire::VmbusVersion> version_;
    std::optional<StopKind> leaving_;
    loop::Loop::TimerId unload_timer_ = 0;

    loop::Loop::TimerId end_notice_ = 0;
    bool over_ = false;
    LogLimit log_limit_;
};

}  // namespace hvis::loopback
