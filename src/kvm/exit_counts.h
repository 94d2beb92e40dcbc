#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hvis::kvm {

/// Why a virtual processor came out of the guest to user space.
enum class ExitKind : uint8_t {
    kPort,         ///< a port of the I/O bus
    kMemory,       ///< a memory-mapped register
    kSynic,        ///< SynIC page set-up
    kPostMessage,  ///< HvPostMessage
    kHypercall,    ///< any other hypercall; a ring kick is not among them
    kMsr,          ///< guest crash MSRs
    kInterrupted,  ///< a signal of our own: pause or stop
    kSystemEvent,  ///< reset or crash
    kOther,
};
inline constexpr size_t kExitKinds = 9;

/// A snapshot of the counters of all processors.
struct ExitCounts {
    std::array<uint64_t, kExitKinds> by_kind{};

    [[nodiscard]] uint64_t of(ExitKind kind) const { return by_kind[static_cast<size_t>(kind)]; }
};

/// "port", "memory", …: the name in status reports.
[[nodiscard]] std::string_view to_string(ExitKind kind);

}  // namespace hvis::kvm
