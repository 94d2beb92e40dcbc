#include "vm/acpi/tables.h"

#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "vm/acpi/dsdt.h"
#include "vm/acpi/fadt.h"
#include "vm/acpi/table.h"
#include "vm/boot/layout.h"
#include "vm/ports.h"

namespace hvis::vm {
namespace {

/// The RSDP comes first, where a search finds it; the tables follow.
constexpr uint64_t kRsdpSize = 36;
constexpr uint64_t kTableAlignment = 64;

/// Puts tables one after the other into the firmware area.
class Placer {
public:
    explicit Placer(GuestMemory& memory) : memory_(memory) {}

    Result<GuestAddress> place(const Bytes& table) {
        const uint64_t end = kAcpiAddress + kAcpiRoom;
        if (table.size() > end - next_) {
            return fail(Errc::kLimit, "the ACPI tables do not fit below 1 MiB");
        }
        const GuestAddress address{next_};
        HVIS_CHECK(memory_.copy_in(address, table));
        next_ = (next_ + table.size() + kTableAlignment - 1) / kTableAlignment * kTableAlignment;
        return address;
    }

private:
    GuestMemory& memory_;
    uint64_t next_ = kAcpiAddress + kTableAlignment;
};

/// ACPI 6.5, 5.2.12. Processor i has local APIC id i and ACPI processor id i.
Bytes make_madt(uint32_t processors) {
    constexpr size_t kFixedSize = AcpiTable::kHeaderSize + 8;
    constexpr uint32_t kEnabled = 1;
    constexpr uint8_t kAllProcessors = 0xff;
    AcpiTable table("APIC", 5, kFixedSize);
    table.put(AcpiTable::kHeaderSize, static_cast<uint32_t>(MemoryMap::kLocalApic.value));
    for (uint32_t i = 0; i < processors; ++i) {
        table.append(uint8_t{0});  // processor local APIC
        table.append(uint8_t{8});
        table.append(static_cast<uint8_t>(i));
        table.append(static_cast<uint8_t>(i));
        table.append(kEnabled);
    }
    table.append(uint8_t{1});  // I/O APIC
    table.append(uint8_t{12});
    table.append(uint16_t{0});  // its id, reserved
    table.append(static_cast<uint32_t>(MemoryMap::kIoApic.value));
    table.append(uint32_t{0});  // its first interrupt
    table.append(uint8_t{4});   // local APIC NMI
    table.append(uint8_t{6});
    table.append(kAllProcessors);
    table.append(uint16_t{0});
    table.append(uint8_t{1});  // on LINT1
    return table.finish();
}

/// Name (\\_S4, Package () { kSleepTypeHibernate, 0, 0, 0 }): a guest without it knows no
/// hibernation.
Bytes make_hibernation_table() {
    constexpr auto kAml = std::to_array<uint8_t>(
        {0x08, '_', 'S', '4', '_', 0x12, 0x07, 0x04, 0x0a, kSleepTypeHibernate, 0x00, 0x00, 0x00});
    AcpiTable table("SSDT", 2, AcpiTable::kHeaderSize);
    for (const uint8_t byte : kAml) {
        table.append(byte);
    }
    return table.finish();
}

Bytes make_xsdt(std::span<const GuestAddress> tables) {
    AcpiTable table("XSDT", 1, AcpiTable::kHeaderSize);
    for (const auto address : tables) {
        table.append(address.value);
    }
    return table.finish();
}

/// ACPI 6.5, 5.2.5.3.
std::array<std::byte, kRsdpSize> make_rsdp(GuestAddress xsdt) {
    constexpr size_t kFirstPart = 20;
    constexpr size_t kChecksum = 8;
    constexpr size_t kRevision = 15;
    constexpr size_t kLength = 20;
    constexpr size_t kXsdt = 24;
    constexpr size_t kExtendedChecksum = 32;
    std::array<std::byte, kRsdpSize> rsdp{};
    std::memcpy(rsdp.data(), "RSD PTR ", 8);
    std::memcpy(rsdp.data() + 9, "HVIS  ", 6);
    rsdp[kRevision] = std::byte{2};
    rsdp[kLength] = std::byte{kRsdpSize};
    std::memcpy(rsdp.data() + kXsdt, &xsdt.value, sizeof(xsdt.value));
    rsdp[kChecksum] = std::byte{acpi_checksum(std::span(rsdp).first(kFirstPart))};
    rsdp[kExtendedChecksum] = std::byte{acpi_checksum(rsdp)};
    return rsdp;
}

}  // namespace

Result<GuestAddress> write_acpi_tables(GuestMemory& memory, const MemoryMap& map,
                                       uint32_t processors, Hibernation hibernation) {
    constexpr uint32_t kMaxLocalApics = 255;
    if (processors == 0 || processors > kMaxLocalApics) {
        return fail(Errc::kInvalid, "ACPI: wrong number of processors");
    }
    Placer placer(memory);
    const Bytes aml = HVIS_TRY(make_dsdt(map));
    const auto dsdt = HVIS_TRY(placer.place(aml));
    std::vector<GuestAddress> tables;
    tables.push_back(HVIS_TRY(placer.place(make_fadt(dsdt))));
    tables.push_back(HVIS_TRY(placer.place(make_madt(processors))));
    if (hibernation == Hibernation::kOffered) {
        tables.push_back(HVIS_TRY(placer.place(make_hibernation_table())));
    }
    const auto xsdt = HVIS_TRY(placer.place(make_xsdt(tables)));
    const GuestAddress rsdp{kAcpiAddress};
    HVIS_CHECK(memory.copy_in(rsdp, make_rsdp(xsdt)));
    return rsdp;
}

}  // namespace hvis::vm
