#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

#include "base/bytes.h"
#include "vm/io_bus.h"

namespace hvis::device {

/// A 16550A UART with an ideal line: whatever is sent leaves at once, baud rates mean nothing.
///
/// Registers are used by vCPU threads; take_output and push_input by any thread. Output that
/// nobody fetches is dropped past kMaxOutput and counted, so a guest never waits for the host.
class Serial : public vm::IoHandler {
public:
    static constexpr size_t kMaxOutput = size_t{256} << 10;
    static constexpr size_t kMaxInput = size_t{16} << 10;

    struct Hooks {
        /// Pulses the interrupt line. Any thread, may be called with the device locked.
        std::function<void()> raise_interrupt;
        /// There is output where there was none: fetch it with take_output. vCPU thread.
        std::function<void()> output_ready;
    };

    explicit Serial(Hooks hooks) : hooks_(std::move(hooks)) {}

    void read(uint64_t offset, MutableByteView data) override;
    void write(uint64_t offset, ByteView data) override;
    /// Keeps output that was not fetched yet.
    void reset() override;

    /// Everything that the guest has sent since the last call.
    Bytes take_output();
    /// Types into the guest's port; returns how many bytes there was room for.
    size_t push_input(ByteView bytes);
    /// Bytes of output dropped because nobody fetched them.
    [[nodiscard]] uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

private:
    struct Registers {
        uint8_t interrupt_enable = 0;
        uint8_t fifo_control = 0;
        uint8_t line_control = 0;
        uint8_t modem_control = 0;
        uint8_t scratch = 0;
        uint8_t divisor_low = 1;
        uint8_t divisor_high = 0;
        bool transmit_interrupt = false;  // THR became empty and nobody has looked yet
    };
    // All with mutex_ held.
    uint8_t read_register(uint64_t offset);
    void write_register(uint64_t offset, uint8_t value);
    uint8_t take_input();
    [[nodiscard]] uint8_t interrupt_identification();
    [[nodiscard]] uint8_t pending_interrupt() const;
    [[nodiscard]] uint8_t line_status() const;
    [[nodiscard]] uint8_t modem_status() const;
    void transmit(uint8_t value);
    void update_interrupt();

    Hooks hooks_;
    std::atomic<uint64_t> dropped_{0};
    std::mutex mutex_;  // guards all below; held for one register access
    Registers registers_;
    std::deque<std::byte> input_;
    Bytes output_;
    bool line_raised_ = false;
    bool output_started_ = false;
};

}  // namespace hvis::device
