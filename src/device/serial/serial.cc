#include "device/serial/serial.h"

#include <algorithm>

namespace hvis::device {
namespace {

// Registers and bits of the 16550A. National Semiconductor PC16550D data sheet, section 8.
constexpr uint64_t kData = 0;
constexpr uint64_t kInterruptEnable = 1;
constexpr uint64_t kInterruptIdentification = 2;  // read; FIFO control on write
constexpr uint64_t kLineControl = 3;
constexpr uint64_t kModemControl = 4;
constexpr uint64_t kLineStatus = 5;
constexpr uint64_t kModemStatus = 6;

constexpr uint8_t kEnableReceived = 0x01;
constexpr uint8_t kEnableTransmitted = 0x02;

constexpr uint8_t kNoInterrupt = 0x01;
constexpr uint8_t kTransmitEmpty = 0x02;
constexpr uint8_t kReceivedData = 0x04;
constexpr uint8_t kFifosOn = 0xc0;

constexpr uint8_t kFifoEnable = 0x01;
constexpr uint8_t kClearReceiver = 0x02;
constexpr uint8_t kDivisorLatch = 0x80;

constexpr uint8_t kLoop = 0x10;
constexpr uint8_t kModemControlBits = 0x1f;
constexpr uint8_t kInterruptEnableBits = 0x0f;

constexpr uint8_t kDataReady = 0x01;
constexpr uint8_t kTransmitterIdle = 0x60;  // holding and shift register both empty
constexpr uint8_t kAllLinesUp = 0xb0;       // carrier, data set ready, clear to send

}  // namespace

void Serial::read(uint64_t offset, MutableByteView data) {
    const std::lock_guard lock(mutex_);
    for (auto& byte : data) {
        byte = std::byte{read_register(offset++)};
    }
    update_interrupt();
}

void Serial::write(uint64_t offset, ByteView data) {
    bool started = false;
    {
        const std::lock_guard lock(mutex_);
        for (const auto byte : data) {
            write_register(offset++, std::to_integer<uint8_t>(byte));
        }
        update_interrupt();
        started = std::exchange(output_started_, false);
    }
    if (started && hooks_.output_ready) {
        hooks_.output_ready();
    }
}

void Serial::reset() {
    const std::lock_guard lock(mutex_);
    registers_ = {};
    input_.clear();
    line_raised_ = false;
}

Bytes Serial::take_output() {
    const std::lock_guard lock(mutex_);
    return std::exchange(output_, {});
}

size_t Serial::push_input(ByteView bytes) {
    const std::lock_guard lock(mutex_);
    const size_t count = std::min(bytes.size(), kMaxInput - input_.size());
    input_.insert(input_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
    update_interrupt();
    return count;
}

uint8_t Serial::read_register(uint64_t offset) {
    const bool divisor = (registers_.line_control & kDivisorLatch) != 0;
    switch (offset) {
        case kData:
            return divisor ? registers_.divisor_low : take_input();
        case kInterruptEnable:
            return divisor ? registers_.divisor_high : registers_.interrupt_enable;
        case kInterruptIdentification:
            return interrupt_identification();
        case kLineControl:
            return registers_.line_control;
        case kModemControl:
            return registers_.modem_control;
        case kLineStatus:
            return line_status();
        case kModemStatus:
            return modem_status();
        default:
            return registers_.scratch;
    }
}

void Serial::write_register(uint64_t offset, uint8_t value) {
    const bool divisor = (registers_.line_control & kDivisorLatch) != 0;
    switch (offset) {
        case kData:
            if (divisor) {
                registers_.divisor_low = value;
            } else {
                transmit(value);
            }
            return;
        case kInterruptEnable:
            if (divisor) {
                registers_.divisor_high = value;
                return;
            }
            // The transmitter is always empty, so asking for its interrupt raises it at once.
            if ((value & kEnableTransmitted) != 0 &&
                (registers_.interrupt_enable & kEnableTransmitted) == 0) {
                registers_.transmit_interrupt = true;
            }
            registers_.interrupt_enable = value & kInterruptEnableBits;
            return;
        case kInterruptIdentification:
            registers_.fifo_control = value;
            if ((value & kClearReceiver) != 0) {
                input_.clear();
            }
            return;
        case kLineControl:
            registers_.line_control = value;
            return;
        case kModemControl:
            registers_.modem_control = value & kModemControlBits;
            return;
        case kLineStatus:
        case kModemStatus:
            return;
        default:
            registers_.scratch = value;
    }
}

void Serial::transmit(uint8_t value) {
    registers_.transmit_interrupt = true;
    if ((registers_.modem_control & kLoop) != 0) {
        if (input_.size() < kMaxInput) {
            input_.push_back(std::byte{value});
        }
        return;
    }
    if (output_.size() >= kMaxOutput) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    output_started_ = output_started_ || output_.empty();
    output_.push_back(std::byte{value});
}

uint8_t Serial::take_input() {
    if (input_.empty()) {
        return 0;
    }
    const auto value = std::to_integer<uint8_t>(input_.front());
    input_.pop_front();
    return value;
}

uint8_t Serial::pending_interrupt() const {
    if ((registers_.interrupt_enable & kEnableReceived) != 0 && !input_.empty()) {
        return kReceivedData;
    }
    if ((registers_.interrupt_enable & kEnableTransmitted) != 0 && registers_.transmit_interrupt) {
        return kTransmitEmpty;
    }
    return kNoInterrupt;
}

uint8_t Serial::interrupt_identification() {
    const uint8_t pending = pending_interrupt();
    // Reading it is the acknowledgement of this one, and of this one only.
    if (pending == kTransmitEmpty) {
        registers_.transmit_interrupt = false;
    }
    return pending | ((registers_.fifo_control & kFifoEnable) != 0 ? kFifosOn : uint8_t{0});
}

uint8_t Serial::line_status() const {
    return kTransmitterIdle | (input_.empty() ? uint8_t{0} : kDataReady);
}

uint8_t Serial::modem_status() const {
    if ((registers_.modem_control & kLoop) == 0) {
        return kAllLinesUp;
    }
    // Looped back, the four outputs (DTR RTS OUT1 OUT2) are the four inputs (DSR CTS RI DCD).
    const unsigned control = registers_.modem_control;
    return static_cast<uint8_t>((control & 0x0c) << 4 | (control & 0x02) << 3 |
                                (control & 0x01) << 5);
}

void Serial::update_interrupt() {
    const bool due = pending_interrupt() != kNoInterrupt;
    // The line is edge-triggered. A driver leaves its handler only when nothing is pending, so an
    // edge at each change from idle loses nothing.
    if (due && !line_raised_ && hooks_.raise_interrupt) {
        hooks_.raise_interrupt();
    }
    line_raised_ = due;
}

}  // namespace hvis::device
