#include "kvm/topology.h"

#include <bit>

namespace hvis::kvm {
namespace {

/// `bits` bits of `target` from `shift` on become `value`.
void set_field(uint32_t& target, unsigned shift, unsigned bits, uint32_t value) {
    const uint32_t mask = ((uint32_t{1} << bits) - 1) << shift;
    target = (target & ~mask) | ((value << shift) & mask);
}

/// Bits of the APIC id that number the cores of the socket.
unsigned core_bits(const CpuidChoice& choice) {
    return static_cast<unsigned>(std::bit_width(choice.processors - 1));
}

void set_features(kvm_cpuid_entry2& entry, const CpuidChoice& choice) {
    constexpr uint32_t kHtt = 1U << 28;
    set_field(entry.ebx, 24, 8, choice.processor);
    set_field(entry.ebx, 16, 8, uint32_t{1} << core_bits(choice));
    entry.edx = choice.processors > 1 ? entry.edx | kHtt : entry.edx & ~kHtt;
}

/// Caches up to level 2 belong to one core, those above to the socket.
void set_cache_sharing(kvm_cpuid_entry2& entry, const CpuidChoice& choice) {
    const uint32_t level = (entry.eax >> 5) & 7;
    set_field(entry.eax, 14, 12, level >= 3 ? choice.processors - 1 : 0);
}

void set_extended_topology(kvm_cpuid_entry2& entry, const CpuidChoice& choice) {
    constexpr uint32_t kThreadLevel = 1U << 8;
    constexpr uint32_t kCoreLevel = 2U << 8;
    entry.eax = entry.ebx = 0;
    entry.ecx = entry.index & 0xff;
    entry.edx = choice.processor;
    if (entry.index == 0) {
        entry.ebx = 1;
        entry.ecx |= kThreadLevel;
    } else if (entry.index == 1) {
        entry.eax = core_bits(choice);
        entry.ebx = choice.processors;
        entry.ecx |= kCoreLevel;
    }
}

void set_entry(kvm_cpuid_entry2& entry, const CpuidChoice& choice) {
    switch (entry.function) {
        case 0x1:
            set_features(entry, choice);
            break;
        case 0x4:
            set_field(entry.eax, 26, 6, (uint32_t{1} << core_bits(choice)) - 1);
            set_cache_sharing(entry, choice);
            break;
        case 0xb:
            set_extended_topology(entry, choice);
            break;
        case 0x8000'0008:
            set_field(entry.ecx, 0, 8, choice.processors - 1);
            set_field(entry.ecx, 12, 4, core_bits(choice));
            break;
        case 0x8000'001d:
            set_cache_sharing(entry, choice);
            break;
        case 0x8000'001e:
            entry.eax = choice.processor;
            entry.ebx = choice.processor;  // core id; one thread per core
            entry.ecx = 0;
            break;
        default:
            break;
    }
}

/// Leaf 0xB as a whole: KVM may give one of its subleaves, or none.
void complete_extended_topology(CpuidEntries& entries, const CpuidChoice& choice) {
    bool present = false;
    std::erase_if(entries, [&](const kvm_cpuid_entry2& entry) {
        present = present || entry.function == 0xb;
        return entry.function == 0xb;
    });
    if (!present) {
        return;
    }
    for (uint32_t index = 0; index <= 2; ++index) {
        kvm_cpuid_entry2 entry{};
        entry.function = 0xb;
        entry.index = index;
        entry.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        set_extended_topology(entry, choice);
        entries.push_back(entry);
    }
}

}  // namespace

void set_topology(CpuidEntries& entries, const CpuidChoice& choice) {
    std::erase_if(entries, [](const kvm_cpuid_entry2& entry) {
        return entry.function == 0x1f || entry.function == 0x8000'0026;
    });
    complete_extended_topology(entries, choice);
    for (auto& entry : entries) {
        set_entry(entry, choice);
    }
}

}  // namespace hvis::kvm
