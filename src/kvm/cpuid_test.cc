#include "kvm/cpuid.h"

#include <algorithm>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "kvm/hyperv_bits.h"

namespace hvis::kvm {
namespace {

kvm_cpuid_entry2 entry(uint32_t function, uint32_t index = 0) {
    kvm_cpuid_entry2 result{};
    result.function = function;
    result.index = index;
    return result;
}

/// A host that can do everything: all bits of all leaves are on.
CpuidEntries full(std::initializer_list<uint32_t> functions) {
    CpuidEntries entries;
    for (const auto function : functions) {
        entries.push_back(entry(function));
        entries.back().eax = entries.back().ebx = entries.back().ecx = entries.back().edx =
            0xffff'ffff;
    }
    return entries;
}

const CpuidEntries kBase = full({0, 1, 4, 6, 7, 0xb, 0x1f, 0x4000'0000, 0x4000'0001, 0x4000'0010,
                                 0x8000'0007, 0x8000'0008, 0x8000'001d, 0x8000'001e, 0x8000'0026});
const CpuidEntries kHyperv =
    full({kHvVendor, kHvInterface, kHvVersion, kHvFeatures, kHvRecommendations, kHvLimits,
          0x4000'000a, 0x4000'0080, 0x4000'0081, 0x4000'0082});

const kvm_cpuid_entry2* find(const CpuidEntries& entries, uint32_t function, uint32_t index = 0) {
    const auto found = std::ranges::find_if(entries, [&](const kvm_cpuid_entry2& e) {
        return e.function == function && e.index == index;
    });
    return found == entries.end() ? nullptr : &*found;
}

std::string text(std::initializer_list<uint32_t> registers) {
    std::string result;
    for (const auto value : registers) {
        result.append(static_cast<const char*>(static_cast<const void*>(&value)), sizeof(value));
    }
    return result;
}

TEST(Cpuid, ShowsMicrosoftsHypervisorAndNoOther) {
    const auto entries = make_cpuid(kBase, kHyperv, {});
    const auto* vendor = find(entries, kHvVendor);
    ASSERT_NE(vendor, nullptr);
    EXPECT_EQ(text({vendor->ebx, vendor->ecx, vendor->edx}), "Microsoft Hv");
    EXPECT_EQ(vendor->eax, kHvLimits);
    EXPECT_EQ(text({find(entries, kHvInterface)->eax}), "Hv#1");
    EXPECT_NE(find(entries, kHvVersion)->eax, 0U);
    EXPECT_NE(find(entries, 1)->ecx & 1U << 31, 0U);
    const auto leaves = std::ranges::count_if(entries, [](const kvm_cpuid_entry2& e) {
        return e.function >= 0x4000'0000 && e.function < 0x5000'0000;
    });
    EXPECT_EQ(leaves, 6);
}

TEST(Cpuid, LetsTheGuestKeepItsApicTimerToFallBackOn) {
    const auto entries = make_cpuid(kBase, kHyperv, {});
    EXPECT_EQ(find(entries, 6)->eax, 0xffff'fffbU);
}

TEST(Cpuid, ShowsWhatAHostCanDoAndWhatLinuxCanUse) {
    const auto entries = make_cpuid(kBase, kHyperv, {});
    const auto* features = find(entries, kHvFeatures);
    EXPECT_EQ(features->eax, 0x8affU);  // bits 0-7, 9, 11, 15
    EXPECT_EQ(features->ebx, kHvPostMessages | kHvSignalEvents);
    EXPECT_EQ(features->edx, kHvXmmInput | kHvFrequencyRegisters | kHvCrashRegisters |
                                 kHvExtGvaRangesFlush | kHvDirectTimers);
    const auto hints = find(entries, kHvRecommendations)->eax;
    EXPECT_EQ(hints, kHintRemoteTlbFlush | kHintRelaxedTiming | kHintDeprecatedAutoEoi |
                         kHintClusterIpi | kHintExProcessorMasks | kHintNoNonarchCoreSharing);
}

TEST(Cpuid, NeverInventsAFeature) {
    const auto entries = make_cpuid({entry(1)}, {}, {.synthetic_apic = true});
    EXPECT_EQ(find(entries, kHvFeatures)->eax, 0U);
    EXPECT_EQ(find(entries, kHvFeatures)->edx, 0U);
    EXPECT_EQ(find(entries, kHvRecommendations)->eax, 0U);
}

TEST(Cpuid, ShowsTheInvariantTscOnlyWhereTheHostHasOne) {
    auto base = kBase;
    std::ranges::find(base, 0x8000'0007, &kvm_cpuid_entry2::function)->edx = 0;
    EXPECT_EQ(find(make_cpuid(base, kHyperv, {}), kHvFeatures)->eax & kHvInvariantTsc, 0U);
    EXPECT_NE(find(make_cpuid(kBase, kHyperv, {}), kHvFeatures)->eax & kHvInvariantTsc, 0U);
}

TEST(Cpuid, RecommendsTheApicRegistersOnlyOnRequest) {
    const auto with = make_cpuid(kBase, kHyperv, {.synthetic_apic = true});
    EXPECT_NE(find(with, kHvRecommendations)->eax & kHintApicRegisters, 0U);
}

class TopologyTest : public testing::TestWithParam<uint32_t> {};

TEST_P(TopologyTest, IsTheSameInEveryLeaf) {
    const uint32_t count = GetParam();
    uint32_t bits = 0;
    while (uint32_t{1} << bits < count) {
        ++bits;
    }
    for (uint32_t index = 0; index < count; ++index) {
        const auto entries = make_cpuid(kBase, kHyperv, {.processor = index, .processors = count});
        EXPECT_EQ(find(entries, 1)->ebx >> 24, index);
        EXPECT_EQ(find(entries, 1)->ebx >> 16 & 0xff, 1U << bits);
        EXPECT_EQ((find(entries, 1)->edx & 1U << 28) != 0, count > 1);
        EXPECT_EQ(find(entries, 4)->eax >> 26, (1U << bits) - 1);
        const auto* threads = find(entries, 0xb, 0);
        const auto* cores = find(entries, 0xb, 1);
        ASSERT_NE(threads, nullptr);
        ASSERT_NE(cores, nullptr);
        EXPECT_EQ(threads->edx, index);
        EXPECT_EQ(threads->eax, 0U);
        EXPECT_EQ(threads->ebx, 1U);
        EXPECT_EQ(cores->eax, bits);
        EXPECT_EQ(cores->ebx, count);
        EXPECT_EQ(cores->ecx, 0x201U);
        EXPECT_EQ(find(entries, 0xb, 2)->ecx, 2U);
        EXPECT_EQ(find(entries, 0x8000'0008)->ecx & 0xff, count - 1);
        EXPECT_EQ(find(entries, 0x8000'0008)->ecx >> 12 & 0xf, bits);
        EXPECT_EQ(find(entries, 0x8000'001e)->eax, index);
        EXPECT_EQ(find(entries, 0x1f), nullptr);
        EXPECT_EQ(find(entries, 0x8000'0026), nullptr);
        EXPECT_GE(find(entries, kHvLimits)->eax, count);
    }
}

INSTANTIATE_TEST_SUITE_P(Counts, TopologyTest, testing::Values(1U, 2U, 3U, 4U, 7U, 16U, 63U, 64U));

}  // namespace
}  // namespace hvis::kvm
