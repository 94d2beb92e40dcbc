#include "loopback/guest/synic_pages.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "wire/hypercall.h"

namespace hvis::loopback {
namespace {

/// Layout of one message slot. TLFS HV_MESSAGE_HEADER.
constexpr size_t kPayloadSizeOffset = 4;
constexpr size_t kFlagsOffset = 5;
constexpr size_t kHeaderSize = 16;
constexpr uint8_t kMessagePending = 1;

/// A word that the host looks at too.
template <class T>
std::atomic_ref<T> shared(std::byte* place) {
    // SAFETY: aligned to T in a page that stays mapped; both sides use it atomically.
    return std::atomic_ref<T>(*static_cast<T*>(static_cast<void*>(place)));
}

}  // namespace

Result<SynicPages> SynicPages::create(const vm::GuestMemory& memory, uint64_t message_page_number,
                                      uint64_t event_page_number) {
    std::byte* messages = HVIS_TRY(memory.page(message_page_number));
    std::byte* events = HVIS_TRY(memory.page(event_page_number));
    return SynicPages(messages, events);
}

std::optional<SynicPages::Taken> SynicPages::take_message(uint8_t sint) {
    std::byte* slot = messages_ + (sint * wire::kMessageSlotSize);
    const auto type = shared<uint32_t>(slot);
    Taken taken;
    taken.message.type = type.load(std::memory_order_acquire);
    if (taken.message.type == 0) {
        return std::nullopt;
    }
    const size_t size =
        std::min(static_cast<size_t>(slot[kPayloadSizeOffset]), wire::kMaxMessagePayload);
    taken.message.payload.assign(slot + kHeaderSize, slot + kHeaderSize + size);
    // First the slot is empty, then the flag is looked at; the host does it the other way round.
    type.store(0, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const auto flags = shared<uint8_t>(slot + kFlagsOffset);
    taken.end_of_message_due = (flags.load(std::memory_order_seq_cst) & kMessagePending) != 0;
    return taken;
}

std::vector<uint16_t> SynicPages::take_events(uint8_t sint) {
    constexpr size_t kWordBits = 32;
    std::byte* const flags = events_ + (size_t{sint} * (wire::kEventFlagsPerSint / 8));
    std::vector<uint16_t> set;
    for (size_t word = 0; word < wire::kEventFlagsPerSint / kWordBits; ++word) {
        const auto bits = shared<uint32_t>(flags + (word * sizeof(uint32_t)));
        if (bits.load(std::memory_order_relaxed) == 0) {
            continue;
        }
        for (uint32_t left = bits.exchange(0, std::memory_order_seq_cst); left != 0;
             left &= left - 1) {
            set.push_back(static_cast<uint16_t>((word * kWordBits) +
                                                static_cast<size_t>(std::countr_zero(left))));
        }
    }
    return set;
}

}  // namespace hvis::loopback
