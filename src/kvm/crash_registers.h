#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "vm/guest_memory.h"
#include "vm/partition.h"

namespace hvis::kvm {

/// The partition's crash registers: CRASH_P0..P4 and CRASH_CTL. TLFS "Guest Crash Enlightenment".
/// Any thread.
class CrashRegisters {
public:
    /// A panic text longer than a page is cut; Linux sends at most a page.
    static constexpr size_t kMaxText = 4096;

    [[nodiscard]] uint64_t read(uint32_t msr);
    /// A report when this write asks for one: its text comes from `memory`, read once.
    std::optional<vm::CrashReport> write(uint32_t msr, uint64_t value,
                                         const vm::GuestMemory& memory);
    void reset();

private:
    std::mutex mutex_;  // guards parameters_; held for one access
    std::array<uint64_t, 5> parameters_{};
};

}  // namespace hvis::kvm
