#include "vm/acpi/dsdt.h"

#include <algorithm>
#include <cstring>

#include "vm/acpi/table.h"
#include "vm/dsdt_aml.h"

namespace hvis::vm {
namespace {

// The placeholders of dsdt.dsl.
constexpr uint64_t kLowPlaceholder = 0x1111'1111'0000'0000;
constexpr uint64_t kHighPlaceholder = 0x2222'2222'0000'0000;
constexpr uint64_t kPlaceholderSize = uint64_t{1} << 32;

constexpr size_t kChecksum = 9;

/// The part of a QWord address space descriptor that says where. ACPI 6.5, 6.4.3.5.1.
struct AddressFields {
    uint64_t minimum;
    uint64_t maximum;
    uint64_t translation;
    uint64_t length;
};

/// Replaces the one descriptor that has the placeholder.
Result<void> patch(Bytes& aml, uint64_t placeholder, const AddressWindow& window) {
    const AddressFields old{placeholder, placeholder + kPlaceholderSize - 1, 0, kPlaceholderSize};
    const AddressFields fresh{window.start.value, window.last().value, 0, window.size};
    const auto pattern = std::as_bytes(std::span(&old, 1));
    const auto place = std::search(aml.begin(), aml.end(), pattern.begin(), pattern.end());
    if (place == aml.end()) {
        return fail(Errc::kInvalid, "ACPI: the DSDT has no place for a VMBus window");
    }
    std::ranges::copy(std::as_bytes(std::span(&fresh, 1)), place);
    return {};
}

}  // namespace

Result<Bytes> make_dsdt(const MemoryMap& map) {
    Bytes aml(kDsdt.size());
    std::memcpy(aml.data(), kDsdt.data(), kDsdt.size());
    HVIS_CHECK(patch(aml, kLowPlaceholder, map.low_window));
    HVIS_CHECK(patch(aml, kHighPlaceholder, map.high_window));
    aml[kChecksum] = std::byte{0};
    aml[kChecksum] = std::byte{acpi_checksum(aml)};
    return aml;
}

}  // namespace hvis::vm
