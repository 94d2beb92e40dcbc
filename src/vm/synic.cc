#include "vm/synic.h"

#include <cstring>

#include "wire/hypercall.h"

namespace hvis::vm {
namespace {

constexpr uint64_t kEnable = 1;

/// Layout of one message slot. TLFS HV_MESSAGE_HEADER.
constexpr size_t kTypeOffset = 0;
constexpr size_t kPayloadSizeOffset = 4;
constexpr size_t kFlagsOffset = 5;
constexpr size_t kHeaderSize = 16;
constexpr uint8_t kMessagePending = 1;

/// Bytes of event flags per source; sixteen sources fill the page.
constexpr size_t kFlagBytes = wire::kEventFlagsPerSint / 8;
static_assert(kFlagBytes * wire::kSintCount == kPageSize);

/// A value that the guest uses too.
///
/// SAFETY: `place` is aligned for T, in a page of guest RAM that stays mapped, and is used by both
/// sides atomically.
template <class T>
std::atomic_ref<T> shared(std::byte* place) {
    return std::atomic_ref<T>(*static_cast<T*>(static_cast<void*>(place)));
}

/// The message type of a slot: what the two sides synchronise on.
std::atomic_ref<uint32_t> type_of(std::byte* slot) { return shared<uint32_t>(slot + kTypeOffset); }

std::atomic_ref<uint8_t> flags_of(std::byte* slot) { return shared<uint8_t>(slot + kFlagsOffset); }

/// Fills an empty slot; the guest sees nothing before the type is stored.
void fill(std::byte* slot, const SynicMessage& message) {
    std::memset(slot + kPayloadSizeOffset, 0, kHeaderSize - kPayloadSizeOffset);
    slot[kPayloadSizeOffset] = static_cast<std::byte>(message.payload.size());
    if (!message.payload.empty()) {
        std::memcpy(slot + kHeaderSize, message.payload.data(), message.payload.size());
    }
    type_of(slot).store(message.type, std::memory_order_release);
}

}  // namespace

Synic::Synic(GuestMemory& memory, uint32_t processors)
    : memory_(memory), count_(processors), processors_(std::make_unique<Processor[]>(processors)) {}

std::byte* Synic::enabled_page(uint64_t msr) const {
    if ((msr & kEnable) == 0) {
        return nullptr;
    }
    const auto page = memory_.page(msr / kPageSize);
    return page ? *page : nullptr;
}

void Synic::set_control(uint32_t vp, uint64_t msr) {
    if (vp < count_) {
        processors_[vp].enabled.store((msr & kEnable) != 0, std::memory_order_release);
    }
}

void Synic::set_message_page(uint32_t vp, uint64_t msr) {
    if (vp >= count_) {
        return;
    }
    auto& processor = processors_[vp];
    std::byte* page = enabled_page(msr);
    if (page != nullptr && page != processor.last_message_page) {
        std::memset(page, 0, kPageSize);
        processor.last_message_page = page;
    }
    processor.message_page.store(page, std::memory_order_release);
}

void Synic::set_event_page(uint32_t vp, uint64_t msr) {
    if (vp >= count_) {
        return;
    }
    auto& processor = processors_[vp];
    std::byte* page = enabled_page(msr);
    if (page != nullptr && page != processor.last_event_page) {
        std::memset(page, 0, kPageSize);
        processor.last_event_page = page;
    }
    processor.event_page.store(page, std::memory_order_release);
}

void Synic::reset() {
    for (uint32_t vp = 0; vp < count_; ++vp) {
        auto& processor = processors_[vp];
        processor.enabled.store(false, std::memory_order_release);
        processor.message_page.store(nullptr, std::memory_order_release);
        processor.event_page.store(nullptr, std::memory_order_release);
        processor.last_message_page = nullptr;
        processor.last_event_page = nullptr;
    }
}

Result<Synic::Posted> Synic::post_message(SynicTarget target, const SynicMessage& message) {
    if (target.vp >= count_ || target.sint >= wire::kSintCount) {
        return fail(Errc::kInvalid, "message for a processor or source that does not exist");
    }
    if (message.payload.size() > wire::kMaxMessagePayload || message.type == 0) {
        return fail(Errc::kInvalid, "message is too long or has no type");
    }
    auto& processor = processors_[target.vp];
    std::byte* page = processor.message_page.load(std::memory_order_acquire);
    if (page == nullptr || !processor.enabled.load(std::memory_order_acquire)) {
        return Posted::kDisabled;
    }
    std::byte* slot = page + target.sint * wire::kMessageSlotSize;
    if (type_of(slot).load(std::memory_order_acquire) == 0) {
        fill(slot, message);
        return Posted::kYes;
    }
    // TLFS "Synthetic interrupt sources": the flag asks for an EOM. The guest clears the type, then
    // looks at the flag; we set the flag, then look at the type: one of us sees the other, as both
    // keep the order of their two accesses.
    flags_of(slot).fetch_or(kMessagePending, std::memory_order_seq_cst);
    if (type_of(slot).load(std::memory_order_seq_cst) == 0) {
        fill(slot, message);
        return Posted::kYes;
    }
    return Posted::kSlotBusy;
}

bool Synic::set_event_flag(SynicTarget target, uint16_t flag) {
    if (target.vp >= count_ || target.sint >= wire::kSintCount ||
        flag >= wire::kEventFlagsPerSint) {
        return false;
    }
    auto& processor = processors_[target.vp];
    std::byte* page = processor.event_page.load(std::memory_order_acquire);
    if (page == nullptr || !processor.enabled.load(std::memory_order_acquire)) {
        return false;
    }
    std::byte* word = page + target.sint * kFlagBytes + flag / 32 * sizeof(uint32_t);
    const uint32_t bit = uint32_t{1} << (flag % 32);
    return (shared<uint32_t>(word).fetch_or(bit, std::memory_order_seq_cst) & bit) == 0;
}

}  // namespace hvis::vm
