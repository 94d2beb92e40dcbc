#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "vm/guest_memory.h"
#include "vm/partition.h"

namespace hvis::vm {

/// The host's side of the guest's synthetic interrupt controllers: each processor's message page
/// (SIMP) and event flag page (SIEFP), which the guest places by writing MSRs. TLFS "Virtual
/// Interrupt Controller".
///
/// The pages are guest RAM: whatever the guest scribbles there hurts only itself. set_* are called
/// by the processor that wrote the MSR (or the loop thread while none runs); posting and signalling
/// by any thread, but messages to one target by one thread at a time.
class Synic {
public:
    /// `memory` must outlive this object.
    Synic(GuestMemory& memory, uint32_t processors);

    /// MSR bits of SCONTROL, SIMP and SIEFP: bit 0 enables, bits 12.. are the page address. A page
    /// outside RAM counts as disabled. A page that becomes enabled at a new place is zeroed, as the
    /// hypervisor's own page would be.
    void set_control(uint32_t vp, uint64_t msr);
    void set_message_page(uint32_t vp, uint64_t msr);
    void set_event_page(uint32_t vp, uint64_t msr);
    /// Everything disabled, as after a reset.
    void reset();

    /// What post_message left for the caller to do.
    enum class Posted : uint8_t {
        kYes,       ///< written: raise the target's interrupt
        kSlotBusy,  ///< message_pending is set: the guest will write EOM when it empties the slot
        kDisabled,  ///< no message page, or the synic as a whole is off
    };
    /// Writes the message into the target's slot if it is empty. Fails with kInvalid when the
    /// target or the size is out of range: that is the host's own mistake.
    Result<Posted> post_message(SynicTarget target, const SynicMessage& message);

    /// Sets one event flag; true if it was clear before, so that an interrupt is due.
    bool set_event_flag(SynicTarget target, uint16_t flag);

private:
    struct Processor {
        std::atomic<std::byte*> message_page{nullptr};
        std::atomic<std::byte*> event_page{nullptr};
        std::atomic<bool> enabled{false};
        std::byte* last_message_page = nullptr;  // set_* only
        std::byte* last_event_page = nullptr;
    };
    [[nodiscard]] std::byte* enabled_page(uint64_t msr) const;

    GuestMemory& memory_;
    uint32_t count_;
    std::unique_ptr<Processor[]> processors_;
};

}  // namespace hvis::vm
