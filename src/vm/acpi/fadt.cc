#include "vm/acpi/fadt.h"

#include "vm/acpi/table.h"
#include "vm/ports.h"

namespace hvis::vm {
namespace {

// Offsets. ACPI 6.5, 5.2.9.
constexpr size_t kSize = 276;
constexpr size_t kDsdt32 = 40;
constexpr size_t kProfile = 45;
constexpr size_t kPmTimer32 = 76;
constexpr size_t kPmTimerLength = 91;
constexpr size_t kLatencyC2 = 96;
constexpr size_t kLatencyC3 = 98;
constexpr size_t kCentury = 108;
constexpr size_t kBootArch = 109;
constexpr size_t kFlags = 112;
constexpr size_t kResetRegister = 116;
constexpr size_t kResetValueByte = 128;
constexpr size_t kMinorVersion = 131;
constexpr size_t kDsdt64 = 140;
constexpr size_t kPmTimer = 208;
constexpr size_t kSleepControl = 244;
constexpr size_t kSleepStatus = 256;

constexpr uint8_t kEnterpriseServer = 4;
/// Larger than any latency that would mean the C-state exists.
constexpr uint16_t kNoC2 = 101;
constexpr uint16_t kNoC3 = 1001;
/// Where the clock device keeps the century.
constexpr uint8_t kCenturyByte = 0x32;

// IA-PC boot architecture: no keyboard controller, no VGA; a CMOS clock there is.
constexpr uint16_t kNoVga = 1U << 2;
constexpr uint16_t kNoAspm = 1U << 4;

constexpr uint32_t kWbinvd = 1U << 0;
constexpr uint32_t kNoPowerButton = 1U << 4;
constexpr uint32_t kNoSleepButton = 1U << 5;
constexpr uint32_t kTimer32Bits = 1U << 8;
constexpr uint32_t kHasResetRegister = 1U << 10;
constexpr uint32_t kHardwareReduced = 1U << 20;

/// A generic address structure for an I/O port. ACPI 6.5, 5.2.3.2.
void put_port(AcpiTable& table, size_t offset, uint16_t port, uint8_t bytes) {
    constexpr uint8_t kSystemIo = 1;
    table.put(offset, kSystemIo);
    table.put(offset + 1, static_cast<uint8_t>(bytes * 8));
    table.put(offset + 2, uint8_t{0});
    table.put(offset + 3, static_cast<uint8_t>(bytes == 1 ? 1 : 3));
    table.put(offset + 4, uint64_t{port});
}

}  // namespace

Bytes make_fadt(GuestAddress dsdt) {
    AcpiTable table("FACP", 6, kSize);
    table.put(kMinorVersion, uint8_t{0});
    table.put(kDsdt32, static_cast<uint32_t>(dsdt.value));
    table.put(kDsdt64, dsdt.value);
    table.put(kProfile, kEnterpriseServer);
    table.put(kPmTimer32, uint32_t{kPmTimerPort});
    table.put(kPmTimerLength, uint8_t{4});
    put_port(table, kPmTimer, kPmTimerPort, 4);
    table.put(kLatencyC2, kNoC2);
    table.put(kLatencyC3, kNoC3);
    table.put(kCentury, kCenturyByte);
    table.put(kBootArch, static_cast<uint16_t>(kNoVga | kNoAspm));
    table.put(kFlags, kWbinvd | kNoPowerButton | kNoSleepButton | kTimer32Bits | kHasResetRegister |
                          kHardwareReduced);
    put_port(table, kResetRegister, kResetPort, 1);
    table.put(kResetValueByte, kResetValue);
    put_port(table, kSleepControl, kSleepControlPort, 1);
    put_port(table, kSleepStatus, kSleepStatusPort, 1);
    return table.finish();
}

}  // namespace hvis::vm
