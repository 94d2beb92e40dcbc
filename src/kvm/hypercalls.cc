#include "kvm/hypercalls.h"

#include "wire/hypercall.h"

namespace hvis::kvm {
namespace {

using wire::HvStatus;

/// TLFS HvPostMessage. Its input is 256 bytes, so there is no fast form of it.
HvStatus post_message(const Hypercall& call, const vm::GuestMemory& memory,
                      PartitionEvents& events) {
    constexpr uint64_t kAlignment = 8;
    if (call.is_fast()) {
        return HvStatus::kInvalidHypercallInput;
    }
    if (call.first % kAlignment != 0) {
        return HvStatus::kInvalidAlignment;
    }
    // TLFS "Hypercall Inputs": parameters lie within one page.
    if (call.first % vm::kPageSize > vm::kPageSize - sizeof(wire::PostMessageInput)) {
        return HvStatus::kInvalidHypercallInput;
    }
    const auto input = memory.read<wire::PostMessageInput>({call.first});
    if (!input) {
        return HvStatus::kInvalidParameter;
    }
    if (input->payload_size > wire::kMaxMessagePayload) {
        return HvStatus::kInvalidParameter;
    }
    const ByteView payload = std::span(input->payload).first(input->payload_size);
    return events.add_message({.connection_id = input->connection_id,
                               .type = input->message_type,
                               .payload = Bytes(payload.begin(), payload.end())});
}

}  // namespace

uint64_t do_hypercall(const Hypercall& call, const vm::GuestMemory& memory,
                      PartitionEvents& events) {
    auto status = HvStatus::kInvalidHypercallCode;
    switch (call.code()) {
        case wire::kHvCallPostMessage:
            status = post_message(call, memory, events);
            break;
        case wire::kHvCallSignalEvent:
            // Those with a port end in the kernel; the rest is sent here.
            status = HvStatus::kInvalidConnectionId;
            break;
        default:
            break;
    }
    return static_cast<uint64_t>(status);
}

}  // namespace hvis::kvm
