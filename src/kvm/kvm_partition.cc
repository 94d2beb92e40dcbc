#include "kvm/kvm_partition.h"

#include <utility>

#include "kvm/confine.h"
#include "kvm/partition_impl.h"

namespace hvis::kvm {

Result<std::unique_ptr<KvmPartition>> KvmPartition::create(PartitionConfig config, loop::Loop& loop,
                                                           vm::IoBus& bus) {
    if (config.processors == 0 || config.processors > PartitionConfig::kMaxProcessors) {
        return fail(Errc::kInvalid, "a virtual machine has between 1 and 64 processors");
    }
    if (!config.confine_thread) {
        config.confine_thread = confine_vcpu_thread;
    }
    auto map = HVIS_TRY(vm::MemoryMap::plan(config.memory_bytes));
    auto device = HVIS_TRY(KvmDevice::open());
    auto memory = HVIS_TRY(vm::GuestMemory::create(map.ram, "hvis-guest"));
    auto events = HVIS_TRY(PartitionEvents::create());
    auto impl = std::make_unique<Impl>(std::move(config), loop, bus, std::move(device),
                                       std::move(map), std::move(memory), std::move(events));
    HVIS_CHECK(impl->set_up());
    return std::unique_ptr<KvmPartition>(new KvmPartition(std::move(impl)));
}

KvmPartition::KvmPartition(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KvmPartition::~KvmPartition() = default;

void KvmPartition::set_client(vm::PartitionClient* client) { impl_->client_ = client; }
Result<int> KvmPartition::interrupt_line(uint32_t gsi) { return impl_->interrupt_line(gsi); }
void KvmPartition::request_stop(vm::StopReason reason) { impl_->events_->add_stop(reason); }
std::optional<uint32_t> KvmPartition::faulted_processor() const {
    return impl_->events_->faulted_processor();
}
ExitCounts KvmPartition::exit_counts() const { return impl_->counters_.snapshot(); }
const vm::MemoryMap& KvmPartition::memory_map() const { return impl_->map_; }
vm::GuestMemory& KvmPartition::memory() { return impl_->memory_; }
uint32_t KvmPartition::processor_count() const { return impl_->config_.processors; }
uint64_t KvmPartition::reference_time() const { return impl_->reference_time(); }
void KvmPartition::accept_messages(uint32_t connection_id) {
    impl_->events_->accept(connection_id);
}
void KvmPartition::retry_messages() { impl_->retry_messages(); }
Result<vm::PostResult> KvmPartition::post_message(vm::SynicTarget target,
                                                  const vm::SynicMessage& message) {
    return impl_->post_message(target, message);
}
void KvmPartition::signal_event(vm::SynicTarget target, uint16_t flag) {
    impl_->signal_event(target, flag);
}
void KvmPartition::signal_event_again(vm::SynicTarget target, uint16_t flag) {
    impl_->signal_event_again(target, flag);
}
Result<void> KvmPartition::connect_port(uint32_t connection_id, int event_fd) {
    return impl_->connect_port(connection_id, event_fd);
}
void KvmPartition::disconnect_port(uint32_t connection_id) {
    impl_->disconnect_port(connection_id);
}
Result<void> KvmPartition::start() { return impl_->start(); }
void KvmPartition::pause() { impl_->pause(); }
void KvmPartition::resume() { impl_->resume(); }
Result<void> KvmPartition::reset() { return impl_->reset(); }

}  // namespace hvis::kvm
