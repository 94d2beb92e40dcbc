#include "loopback/guest/service_channel.h"

#include <utility>

namespace hvis::loopback {
namespace {

Result<vmbus::RingMemory> empty_ring(const vm::GuestMemory& memory, uint64_t first_page) {
    std::vector<std::byte*> data;
    for (uint64_t page = 1; page < ServiceChannel::kRingPages; ++page) {
        data.push_back(HVIS_TRY(memory.page(first_page + page)));
    }
    std::byte* control = HVIS_TRY(memory.page(first_page));
    auto ring = HVIS_TRY(vmbus::RingMemory::create(control, std::move(data)));
    ring.initialize_control();
    return ring;
}

}  // namespace

Result<ServiceChannel> ServiceChannel::create(const vm::GuestMemory& memory, uint64_t first_page,
                                              ic::GuestService& service, Signal signal) {
    auto outgoing = HVIS_TRY(empty_ring(memory, first_page));
    auto incoming = HVIS_TRY(empty_ring(memory, first_page + kRingPages));
    auto writer = HVIS_TRY(vmbus::RingWriter::attach(std::move(outgoing)));
    auto reader = HVIS_TRY(vmbus::RingReader::attach(std::move(incoming)));
    return ServiceChannel(std::move(reader), std::move(writer), service, std::move(signal));
}

ServiceChannel::ServiceChannel(vmbus::RingReader reader, vmbus::RingWriter writer,
                               ic::GuestService& service, Signal signal)
    : reader_(std::move(reader)),
      writer_(std::move(writer)),
      service_(&service),
      signal_(std::move(signal)) {}

Result<void> ServiceChannel::interrupted(const Clocks& clocks) {
    do {
        reader_.mask_signals();
        HVIS_CHECK(drain(clocks));
    } while (reader_.unmask_signals() && !reply_);
    return {};
}

Result<void> ServiceChannel::drain(const Clocks& clocks) {
    while (HVIS_TRY(send_reply())) {
        const auto packet = HVIS_TRY(reader_.read(buffer_));
        if (!packet) {
            break;
        }
        auto answer = service_->packet_received(packet->payload, clocks);
        if (!answer) {
            ++rejected_;
        } else if (*answer) {
            reply_ = {.transaction_id = packet->transaction_id, .packet = **std::move(answer)};
        }
    }
    if (reader_.commit()) {
        signal_();
    }
    return {};
}

Result<bool> ServiceChannel::send_reply() {
    if (!reply_) {
        return true;
    }
    const auto written = HVIS_TRY(
        writer_.write({.transaction_id = reply_->transaction_id, .payload = reply_->packet}));
    if (written == vmbus::WriteResult::kFull) {
        return false;  // The host rings once there is room.
    }
    reply_.reset();
    if (writer_.commit()) {
        signal_();
    }
    return true;
}

}  // namespace hvis::loopback
