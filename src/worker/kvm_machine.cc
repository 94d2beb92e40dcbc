#include "worker/kvm_machine.h"

#include <array>
#include <utility>

#include "kvm/exit_counts.h"
#include "vm/acpi/tables.h"
#include "vm/boot/linux.h"
#include "vm/ports.h"

namespace hvis::worker {
namespace {

/// Opens a boot file; the error is one of these two, whose names are those of the configuration.
Result<std::unique_ptr<vm::FileImage>> open_image(const std::string& path,
                                                  std::string_view cannot_open,
                                                  std::string_view not_regular) {
    auto image = vm::FileImage::open(path.c_str());
    if (!image) {
        const int os_error = image.error().os_error;
        return std::unexpected(
            Error{image.error().code, os_error == 0 ? not_regular : cannot_open, os_error});
    }
    return image;
}

}  // namespace

Result<std::unique_ptr<Machine>> KvmMachine::create(const Config& config, loop::Loop& loop,
                                                    Events events) {
    std::unique_ptr<KvmMachine> machine(new KvmMachine(config, loop, std::move(events)));
    HVIS_CHECK(machine->open());
    return machine;
}

KvmMachine::KvmMachine(const Config& config, loop::Loop& loop, Events events)
    : Machine(loop, std::move(events)),
      config_(config),
      serial_({.raise_interrupt =
                   [this] {
                       const uint64_t one = 1;
                       [[maybe_unused]] const ssize_t written =
                           ::write(serial_line_, &one, sizeof(one));
                   },
               .output_ready = [this] { console_->output_ready(); }}),
      rtc_([this] { return std::chrono::system_clock::now() + config_.rtc_offset; }),
      power_([this](vm::StopReason reason) { partition_->request_stop(reason); },
             [this] { return clock_.at(loop::Loop::now()); }) {}

Result<void> KvmMachine::open() {
    kernel_ = HVIS_TRY(open_image(config_.kernel,
                                  "the file of \"kernel\" in the configuration cannot be opened",
                                  "\"kernel\" in the configuration must name a regular file"));
    if (!config_.initrd.empty()) {
        initrd_ = HVIS_TRY(open_image(
            config_.initrd, "the file of \"initrd\" in the configuration cannot be opened",
            "\"initrd\" in the configuration must name a regular file"));
    }
    console_ = HVIS_TRY(SerialConsole::create(config_.serial, loop()));
    console_->attach(serial_);
    partition_ = HVIS_TRY(kvm::KvmPartition::create(
        {.processors = config_.processors,
         .memory_bytes = config_.memory,
         .load = [this](vm::GuestMemory& memory,
                        const vm::MemoryMap& map) { return load(memory, map); },
         .confine_thread = {}},
        loop(), bus_));
    partition_->set_client(this);
    return attach_devices();
}

Result<void> KvmMachine::attach_devices() {
    serial_line_ = HVIS_TRY(partition_->interrupt_line(vm::kSerialInterrupt));
    HVIS_CHECK(bus_.attach_ports(vm::kSerialPort, vm::kSerialPortCount, serial_));
    HVIS_CHECK(bus_.attach_ports(vm::kRtcPort, vm::kRtcPortCount, rtc_));
    return bus_.attach_ports(vm::kPowerPort, vm::kPowerPortCount, power_);
}

Result<vm::InitialState> KvmMachine::load(vm::GuestMemory& memory, const vm::MemoryMap& map) {
    const auto rsdp = HVIS_TRY(vm::write_acpi_tables(
        memory, map, config_.processors,
        config_.acpi_s4 ? vm::Hibernation::kOffered : vm::Hibernation::kAbsent));
    return vm::load_linux(memory, map,
                          {.kernel = *kernel_,
                           .initrd = initrd_.get(),
                           .command_line = config_.append,
                           .rsdp = rsdp});
}

Result<void> KvmMachine::power_on() {
    clock_.go_on(loop::Loop::now());  // It may have been paused when it was reset.
    return partition_->start();
}

void KvmMachine::paused(bool paused) {
    if (paused) {
        clock_.stop(loop::Loop::now());
    } else {
        clock_.go_on(loop::Loop::now());
    }
}

Result<void> KvmMachine::reset() {
    HVIS_CHECK(partition_->reset());
    bus_.reset();
    return {};
}

control::Counts KvmMachine::exits() const {
    control::Counts exits;
    const auto counts = partition_->exit_counts();
    for (size_t index = 0; index < kvm::kExitKinds; ++index) {
        const auto kind = static_cast<kvm::ExitKind>(index);
        exits.emplace_back(to_string(kind), counts.of(kind));
    }
    return exits;
}

control::Counts KvmMachine::counters() const {
    return {{"io.unclaimed", bus_.unclaimed()}, {"serial.dropped", serial_.dropped()}};
}

}  // namespace hvis::worker
