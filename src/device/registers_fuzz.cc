// Every register of every device, read and written in any width and order, while somebody types
// into the serial port and fetches what comes out of it.

#include <array>

#include "device/power/power.h"
#include "device/rtc/rtc.h"
#include "device/serial/serial.h"
#include "vm/io_bus.h"
#include "vm/ports.h"
#include "vmbus/fuzz_script.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::device;
using vmbus::require;

constexpr int kMaxSteps = 1000;

class Session {
public:
    explicit Session(vmbus::FuzzScript& script) : script_(script) {
        require(bus_.attach_ports(vm::kSerialPort, vm::kSerialPortCount, serial_).has_value());
        require(bus_.attach_ports(vm::kRtcPort, vm::kRtcPortCount, rtc_).has_value());
        require(bus_.attach_ports(vm::kPowerPort, vm::kPowerPortCount, power_).has_value());
    }

    void run() {
        for (int step = 0; step < kMaxSteps && !script_.ended(); ++step) {
            take_step();
        }
        require(serial_.take_output().size() <= Serial::kMaxOutput);
    }

private:
    void take_step() {
        switch (script_.below(8)) {
            case 0: {
                const Bytes typed = script_.block(64);
                require(serial_.push_input(typed) <= typed.size());
                break;
            }
            case 1:
                (void)serial_.take_output();
                break;
            case 2:
                now_ += std::chrono::microseconds(script_.number<uint32_t>());
                break;
            case 3:
                bus_.reset();
                break;
            case 4:
            case 5: {
                std::array<std::byte, 8> data{};
                const uint16_t port = a_port();
                bus_.read_port(port, std::span(data).first(width()));
                break;
            }
            default: {
                const auto data = script_.number<uint64_t>();
                const uint16_t port = a_port();
                bus_.write_port(port, std::as_bytes(std::span(&data, 1)).first(width()));
                break;
            }
        }
    }

    /// One of a device, or one next to it.
    uint16_t a_port() {
        constexpr std::array kPorts = {vm::kSerialPort, vm::kRtcPort, vm::kPowerPort};
        return static_cast<uint16_t>(kPorts.at(script_.below(kPorts.size())) + script_.below(10) -
                                     1);
    }
    size_t width() { return size_t{1} << script_.below(4); }

    vmbus::FuzzScript& script_;
    TimePoint now_{};
    Serial serial_{{.raise_interrupt = [] {}, .output_ready = [] {}}};
    Rtc rtc_{[this] {
        return std::chrono::system_clock::time_point(
            std::chrono::duration_cast<std::chrono::system_clock::duration>(
                now_.time_since_epoch()));
    }};
    Power power_{
        [](vm::StopReason reason) {
            require(reason == vm::StopReason::kPowerOff || reason == vm::StopReason::kReset);
        },
        [this] { return now_; }};
    vm::IoBus bus_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    vmbus::FuzzScript script(data, size);
    Session(script).run();
    return 0;
}
