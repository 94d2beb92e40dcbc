#pragma once

#include <cstdint>

namespace hvis::kvm {

// CPUID leaves of a Hyper-V guest. TLFS "Hypervisor CPUID Leaves".
inline constexpr uint32_t kHypervisorLeaves = 0x4000'0000;  // the first of all hypervisors' leaves
inline constexpr uint32_t kHypervisorLeavesEnd = 0x4001'0000;
inline constexpr uint32_t kHvVendor = 0x4000'0000;
inline constexpr uint32_t kHvInterface = 0x4000'0001;
inline constexpr uint32_t kHvVersion = 0x4000'0002;
inline constexpr uint32_t kHvFeatures = 0x4000'0003;
inline constexpr uint32_t kHvRecommendations = 0x4000'0004;
inline constexpr uint32_t kHvLimits = 0x4000'0005;

// kHvFeatures, EAX: what the partition may use.
inline constexpr uint32_t kHvVpRuntime = 1U << 0;
inline constexpr uint32_t kHvReferenceCounter = 1U << 1;
inline constexpr uint32_t kHvSynic = 1U << 2;
inline constexpr uint32_t kHvSyntheticTimers = 1U << 3;
inline constexpr uint32_t kHvApicRegisters = 1U << 4;
inline constexpr uint32_t kHvHypercalls = 1U << 5;
inline constexpr uint32_t kHvVpIndex = 1U << 6;
inline constexpr uint32_t kHvReset = 1U << 7;
inline constexpr uint32_t kHvReferenceTsc = 1U << 9;
inline constexpr uint32_t kHvFrequencies = 1U << 11;
inline constexpr uint32_t kHvInvariantTsc = 1U << 15;

// kHvFeatures, EBX.
inline constexpr uint32_t kHvPostMessages = 1U << 4;
inline constexpr uint32_t kHvSignalEvents = 1U << 5;

// kHvFeatures, EDX.
inline constexpr uint32_t kHvXmmInput = 1U << 4;
inline constexpr uint32_t kHvFrequencyRegisters = 1U << 8;
inline constexpr uint32_t kHvCrashRegisters = 1U << 10;
inline constexpr uint32_t kHvExtGvaRangesFlush = 1U << 14;
inline constexpr uint32_t kHvDirectTimers = 1U << 19;

// kHvRecommendations, EAX.
inline constexpr uint32_t kHintRemoteTlbFlush = 1U << 2;
inline constexpr uint32_t kHintApicRegisters = 1U << 3;
inline constexpr uint32_t kHintRelaxedTiming = 1U << 5;
inline constexpr uint32_t kHintDeprecatedAutoEoi = 1U << 9;
inline constexpr uint32_t kHintClusterIpi = 1U << 10;
inline constexpr uint32_t kHintExProcessorMasks = 1U << 11;
inline constexpr uint32_t kHintNoNonarchCoreSharing = 1U << 18;

// MSRs that user space has to do with. TLFS "Synthetic MSRs".
inline constexpr uint32_t kMsrCrashP0 = 0x4000'0100;
inline constexpr uint32_t kMsrCrashCtl = 0x4000'0105;

}  // namespace hvis::kvm
