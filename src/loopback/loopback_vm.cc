#include "loopback/loopback_vm.h"

#include <utility>

namespace hvis::loopback {

Result<std::unique_ptr<LoopbackVm>> LoopbackVm::create(const Config& config, loop::Loop& loop,
                                                       Events events) {
    std::unique_ptr<LoopbackVm> made(new LoopbackVm(loop, std::move(events)));
    made->partition_ = HVIS_TRY(LoopbackPartition::create(config.partition, loop));
    made->partition_->set_client(made.get());
    made->vmbus_ =
        std::make_unique<vm::VmbusHost>(*made->partition_, loop, config.max_version, nullptr);
    made->services_ = HVIS_TRY(
        vm::IntegrationServices::create(*made->vmbus_, *made->partition_, loop, config.services,
                                        [raw = made.get()](vm::ServiceKind kind) {
                                            if (raw->events_.service_changed) {
                                                raw->events_.service_changed(kind);
                                            }
                                        }));
    return made;
}

LoopbackVm::LoopbackVm(loop::Loop& loop, Events events) : loop_(loop), events_(std::move(events)) {}

LoopbackVm::~LoopbackVm() {
    events_ = {};
    loop_.cancel_timer(stop_notice_);
}

Result<void> LoopbackVm::run(UniqueFd socket) {
    HVIS_CHECK(partition_->attach(std::move(socket)));
    return partition_->start();
}

void LoopbackVm::pause() {
    services_->paused();
    partition_->pause();
}

void LoopbackVm::resume() {
    partition_->resume();
    services_->resumed();
}

Result<void> LoopbackVm::reset() {
    loop_.cancel_timer(std::exchange(stop_notice_, 0));
    vmbus_->reset();
    HVIS_CHECK(partition_->reset());
    return partition_->start();
}

bool LoopbackVm::message_posted(uint32_t connection_id, uint32_t type, ByteView payload) {
    return vmbus_->message_posted(connection_id, type, payload);
}

void LoopbackVm::message_slot_freed(vm::SynicTarget /*target*/) { vmbus_->message_slot_freed(); }

void LoopbackVm::guest_crashed(const vm::CrashReport& report) {
    if (events_.crashed) {
        events_.crashed(report);
    }
}

void LoopbackVm::partition_stopped(vm::StopReason reason) {
    if (!events_.stopped) {
        return;
    }
    stop_notice_ = loop_.add_timer(loop::Loop::now(), [this, reason] {
        stop_notice_ = 0;
        events_.stopped(reason);
    });
}

}  // namespace hvis::loopback
