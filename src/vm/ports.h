#pragma once

#include <cstdint>

namespace hvis::vm {

/// The machine's I/O ports and interrupt lines: one list, so that the ACPI tables and the devices
/// cannot disagree.
inline constexpr uint16_t kSerialPort = 0x3f8;
inline constexpr uint16_t kSerialPortCount = 8;
/// Global system interrupt of the serial port: edge-triggered, active high.
inline constexpr uint32_t kSerialInterrupt = 4;

inline constexpr uint16_t kRtcPort = 0x70;
inline constexpr uint16_t kRtcPortCount = 2;

/// ACPI sleep control (+0), sleep status (+1), reset (+2), PM timer (+4..7).
inline constexpr uint16_t kPowerPort = 0x600;
inline constexpr uint16_t kPowerPortCount = 8;
inline constexpr uint16_t kSleepControlPort = kPowerPort + 0;
inline constexpr uint16_t kSleepStatusPort = kPowerPort + 1;
inline constexpr uint16_t kResetPort = kPowerPort + 2;
inline constexpr uint16_t kPmTimerPort = kPowerPort + 4;
/// What a guest writes to kResetPort.
inline constexpr uint8_t kResetValue = 0x01;
/// SLP_TYP of the soft-off state: \_S5 in the DSDT and the power device agree on it.
inline constexpr uint8_t kSleepTypeSoftOff = 5;
/// The same of hibernation: the guest has written its memory to its disk and wants the power cut.
inline constexpr uint8_t kSleepTypeHibernate = 4;

inline constexpr uint32_t kIoApicPins = 24;

}  // namespace hvis::vm
