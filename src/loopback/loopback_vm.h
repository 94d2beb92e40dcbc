#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "loopback/loopback_partition.h"
#include "vm/integration_services.h"
#include "vm/vmbus_host.h"

namespace hvis::loopback {

/// A loopback partition with what hvis-vm puts around a virtual machine: VMBus and the host halves
/// of the integration services. Many on one loop. Loop thread.
class LoopbackVm : private vm::PartitionClient {
public:
    struct Config {
        PartitionConfig partition;
        vm::IntegrationServices::Config services;
        wire::VmbusVersion max_version = wire::VmbusVersion::kWin10_5_3;
    };
    /// What the owner is told; each may be empty.
    struct Events {
        /// As vm::IntegrationServices::Changed; may come from inside a call of the owner's.
        std::function<void(vm::ServiceKind)> service_changed{};
        std::function<void(const vm::CrashReport&)> crashed{};
        /// Never from inside a call of the owner's. Call reset(), or let the VM go.
        std::function<void(vm::StopReason)> stopped{};
    };

    /// `loop` must outlive the VM. Fails as LoopbackPartition::create does.
    static Result<std::unique_ptr<LoopbackVm>> create(const Config& config, loop::Loop& loop,
                                                      Events events);
    ~LoopbackVm() override;
    LoopbackVm(const LoopbackVm&) = delete;
    LoopbackVm& operator=(const LoopbackVm&) = delete;

    /// Attaches a guest process and lets it run.
    Result<void> run(UniqueFd socket);
    void pause();
    void resume();
    /// Hard reset. A process that is still attached starts over at once; else run() brings another.
    Result<void> reset();

    [[nodiscard]] LoopbackPartition& partition() { return *partition_; }
    [[nodiscard]] vm::VmbusHost& vmbus() { return *vmbus_; }
    [[nodiscard]] vm::IntegrationServices& services() { return *services_; }

private:
    LoopbackVm(loop::Loop& loop, Events events);

    bool message_posted(uint32_t connection_id, uint32_t type, ByteView payload) override;
    void message_slot_freed(vm::SynicTarget target) override;
    void guest_crashed(const vm::CrashReport& report) override;
    void partition_stopped(vm::StopReason reason) override;

    loop::Loop& loop_;
    Events events_;
    loop::Loop::TimerId stop_notice_ = 0;
    // In the order in which each uses those before it.
    std::unique_ptr<LoopbackPartition> partition_;
    std::unique_ptr<vm::VmbusHost> vmbus_;
    std::unique_ptr<vm::IntegrationServices> services_;
};

}  // namespace hvis::loopback
