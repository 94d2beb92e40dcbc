#include "worker/machine.h"

#include <array>
#include <utility>

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

Result<std::unique_ptr<Machine>> Machine::create(const Config& config, loop::Loop& loop,
                                                 Events events) {
    std::unique_ptr<Machine> machine(new Machine(config, loop, std::move(events)));
    HVIS_CHECK(machine->open());
    return machine;
}

Machine::Machine(const Config& config, loop::Loop& loop, Events events)
    : config_(config),
      loop_(loop),
      events_(std::move(events)),
      serial_({.raise_interrupt =
                   [this] {
                       const uint64_t one = 1;
                       [[maybe_unused]] const ssize_t written =
                           ::write(serial_line_, &one, sizeof(one));
                   },
               .output_ready = [this] { console_->output_ready(); }}),
      rtc_([] { return std::chrono::system_clock::now(); }),
      power_([this](vm::StopReason reason) { partition_->request_stop(reason); },
             [this] { return clock_.at(loop::Loop::now()); }) {}

Machine::~Machine() = default;

Result<void> Machine::open() {
    kernel_ = HVIS_TRY(open_image(config_.kernel,
                                  "the file of \"kernel\" in the configuration cannot be opened",
                                  "\"kernel\" in the configuration must name a regular file"));
    if (!config_.initrd.empty()) {
        initrd_ = HVIS_TRY(open_image(
            config_.initrd, "the file of \"initrd\" in the configuration cannot be opened",
            "\"initrd\" in the configuration must name a regular file"));
    }
    console_ = HVIS_TRY(SerialConsole::create(config_.serial, loop_));
    console_->attach(serial_);
    partition_ = HVIS_TRY(kvm::KvmPartition::create(
        {.processors = config_.processors,
         .memory_bytes = config_.memory,
         .load = [this](vm::GuestMemory& memory,
                        const vm::MemoryMap& map) { return load(memory, map); },
         .confine_thread = {}},
        loop_, bus_));
    partition_->set_client(this);
    return attach_devices();
}

Result<void> Machine::attach_devices() {
    serial_line_ = HVIS_TRY(partition_->interrupt_line(vm::kSerialInterrupt));
    HVIS_CHECK(bus_.attach_ports(vm::kSerialPort, vm::kSerialPortCount, serial_));
    HVIS_CHECK(bus_.attach_ports(vm::kRtcPort, vm::kRtcPortCount, rtc_));
    return bus_.attach_ports(vm::kPowerPort, vm::kPowerPortCount, power_);
}

Result<vm::InitialState> Machine::load(vm::GuestMemory& memory, const vm::MemoryMap& map) {
    const auto rsdp = HVIS_TRY(vm::write_acpi_tables(
        memory, map, config_.processors,
        config_.acpi_s4 ? vm::Hibernation::kOffered : vm::Hibernation::kAbsent));
    return vm::load_linux(memory, map,
                          {.kernel = *kernel_,
                           .initrd = initrd_.get(),
                           .command_line = config_.append,
                           .rsdp = rsdp});
}

Result<void> Machine::start() {
    clock_.go_on(loop::Loop::now());  // It may have been paused when it was reset.
    HVIS_CHECK(partition_->start());
    started_ = loop::Loop::now();
    life_.started();
    return {};
}

Result<void> Machine::pause() {
    HVIS_CHECK(life_.pause());
    partition_->pause();
    clock_.stop(loop::Loop::now());
    return {};
}

Result<void> Machine::resume() {
    HVIS_CHECK(life_.resume());
    clock_.go_on(loop::Loop::now());
    partition_->resume();
    return {};
}

void Machine::request_stop(vm::StopReason reason) {
    // A paused machine stays paused: its guest does not run on only to be stopped.
    life_.stopping();
    partition_->request_stop(reason);
}

Result<void> Machine::restart() {
    HVIS_CHECK(partition_->reset());
    bus_.reset();
    return start();
}

Duration Machine::uptime(TimePoint now) const {
    return life_.state() == MachineState::kStarting ? Duration{} : now - started_;
}

bool Machine::message_posted(uint32_t connection_id, uint32_t type, ByteView payload) {
    return vmbus_ == nullptr || vmbus_->message_posted(connection_id, type, payload);
}

void Machine::message_slot_freed(vm::SynicTarget /*target*/) {
    if (vmbus_ != nullptr) {
        vmbus_->message_slot_freed();
    }
}

void Machine::guest_crashed(const vm::CrashReport& report) {
    life_.crashed();
    events_.crashed(report);
}

void Machine::partition_stopped(vm::StopReason reason) {
    life_.stopped();
    // Later, so that the owner may reset the partition that is calling us.
    loop_.add_timer(loop::Loop::now(), [this, reason] { events_.stopped(reason); });
}

}  // namespace hvis::worker
