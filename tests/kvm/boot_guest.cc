// Boots a Linux kernel on a KVM partition without a VMBus: its serial console is on standard output
// and input. boot_guest KERNEL INITRD|- COMMAND-LINE [MEMORY-MIB [PROCESSORS]]
//
// Ends when the guest powers off (status 0), or fails (1). A reset starts it anew, up to
// $HVIS_RESETS times, then ends it. SIGUSR1 pauses it and lets it go on.

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/utf16.h"
#include "device/power/power.h"
#include "device/rtc/rtc.h"
#include "device/serial/serial.h"
#include "kvm/kvm_partition.h"
#include "vm/acpi/tables.h"
#include "vm/ports.h"

namespace {

using namespace hvis;

/// Reacts to the partition as a worker would, without services.
class Client : public vm::PartitionClient {
public:
    Client(loop::Loop& loop, kvm::KvmPartition& partition, int resets)
        : loop_(loop), partition_(partition), resets_(resets) {}

    bool message_posted(uint32_t connection_id, uint32_t type, ByteView payload) override {
        std::printf("\n[host] message on connection %u, type %u, %zu bytes\n", connection_id, type,
                    payload.size());
        return true;
    }
    void message_slot_freed(vm::SynicTarget) override {}
    void guest_crashed(const vm::CrashReport& report) override {
        std::printf("\n[host] crash %llx %llx %llx %llx %llx: %s\n",
                    static_cast<unsigned long long>(report.parameters[0]),
                    static_cast<unsigned long long>(report.parameters[1]),
                    static_cast<unsigned long long>(report.parameters[2]),
                    static_cast<unsigned long long>(report.parameters[3]),
                    static_cast<unsigned long long>(report.parameters[4]),
                    escape_for_display(report.text).c_str());
    }
    void partition_stopped(vm::StopReason reason) override {
        std::printf("\n[host] stopped: %d\n", static_cast<int>(reason));
        if (reason == vm::StopReason::kReset && resets_-- > 0) {
            if (partition_.reset() && partition_.start()) {
                return;
            }
            std::printf("[host] the reset failed\n");
            status_ = 1;
        }
        status_ =
            reason == vm::StopReason::kPowerOff || reason == vm::StopReason::kReset ? status_ : 1;
        loop_.stop();
    }
    [[nodiscard]] int status() const { return status_; }

private:
    loop::Loop& loop_;
    kvm::KvmPartition& partition_;
    int resets_;
    int status_ = 0;
};

int complain(const Error& error) {
    std::fprintf(stderr, "boot_guest: %.*s%s%s\n", static_cast<int>(error.what.size()),
                 error.what.data(), error.os_error != 0 ? ": " : "",
                 error.os_error != 0 ? std::strerror(error.os_error) : "");
    return 1;
}

int number(const char* text, int fallback) {
    int value = fallback;
    if (text != nullptr) {
        std::from_chars(text, text + std::strlen(text), value);
    }
    return value;
}

void print_exits(const kvm::KvmPartition& partition) {
    const auto counts = partition.exit_counts();
    std::printf("[host] exits:");
    for (size_t i = 0; i < kvm::kExitKinds; ++i) {
        const auto kind = static_cast<kvm::ExitKind>(i);
        const auto name = kvm::to_string(kind);
        std::printf(" %.*s=%llu", static_cast<int>(name.size()), name.data(),
                    static_cast<unsigned long long>(counts.of(kind)));
    }
    std::printf("\n[host] reference time %llu\n",
                static_cast<unsigned long long>(partition.reference_time()));
}

/// SIGUSR1 pauses the guest, and the next one lets it go on.
Result<UniqueFd> watch_pause_signal(loop::Loop& loop, kvm::KvmPartition& partition) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    UniqueFd signals(signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
    HVIS_CHECK(loop.watch(
        signals.get(), EPOLLIN, [&partition, fd = signals.get(), paused = false](uint32_t) mutable {
            signalfd_siginfo info;
            if (read(fd, &info, sizeof(info)) != sizeof(info)) {
                return;
            }
            paused = !paused;
            paused ? partition.pause() : partition.resume();
            std::printf("\n[host] %s at %llu\n", paused ? "paused" : "resumed",
                        static_cast<unsigned long long>(partition.reference_time()));
        }));
    return signals;
}

Result<int> run(int argc, char** argv) {
    auto loop = HVIS_TRY(loop::Loop::create());
    auto kernel = HVIS_TRY(vm::FileImage::open(argv[1]));
    std::unique_ptr<vm::FileImage> initrd;
    if (std::strcmp(argv[2], "-") != 0) {
        initrd = HVIS_TRY(vm::FileImage::open(argv[2]));
    }
    kvm::PartitionConfig config;
    config.memory_bytes = static_cast<uint64_t>(number(argc > 4 ? argv[4] : nullptr, 512)) << 20;
    config.processors = static_cast<uint32_t>(number(argc > 5 ? argv[5] : nullptr, 1));
    config.load = [&, processors = config.processors](
                      vm::GuestMemory& memory,
                      const vm::MemoryMap& map) -> Result<vm::InitialState> {
        const auto rsdp = HVIS_TRY(vm::write_acpi_tables(memory, map, processors));
        return vm::load_linux(
            memory, map,
            {.kernel = *kernel, .initrd = initrd.get(), .command_line = argv[3], .rsdp = rsdp});
    };
    vm::IoBus bus;
    const auto partition = HVIS_TRY(kvm::KvmPartition::create(std::move(config), *loop, bus));
    const int serial_line = HVIS_TRY(partition->interrupt_line(vm::kSerialInterrupt));
    const UniqueFd output(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));

    device::Serial serial({.raise_interrupt = [&] { (void)eventfd_write(serial_line, 1); },
                           .output_ready = [&] { (void)eventfd_write(output.get(), 1); }});
    device::Power power([&](vm::StopReason reason) { partition->request_stop(reason); },
                        &loop::Loop::now);
    device::Rtc rtc(&std::chrono::system_clock::now);
    HVIS_CHECK(bus.attach_ports(vm::kSerialPort, vm::kSerialPortCount, serial));
    HVIS_CHECK(bus.attach_ports(vm::kPowerPort, vm::kPowerPortCount, power));
    HVIS_CHECK(bus.attach_ports(vm::kRtcPort, vm::kRtcPortCount, rtc));

    Client client(*loop, *partition, number(std::getenv("HVIS_RESETS"), 0));
    partition->set_client(&client);
    const auto show = [&] {
        const auto bytes = serial.take_output();
        (void)!write(STDOUT_FILENO, bytes.data(), bytes.size());
    };
    HVIS_CHECK(loop->watch(output.get(), EPOLLIN, [&](uint32_t) {
        eventfd_t count = 0;
        (void)eventfd_read(output.get(), &count);
        show();
    }));
    // A regular file or /dev/null cannot be waited for; then there is no input.
    (void)loop->watch(STDIN_FILENO, EPOLLIN, [&](uint32_t) {
        std::array<std::byte, 256> bytes;
        const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
        if (count <= 0) {
            loop->unwatch(STDIN_FILENO);
            return;
        }
        (void)serial.push_input(std::span(bytes).first(static_cast<size_t>(count)));
    });
    const auto signals = HVIS_TRY(watch_pause_signal(*loop, *partition));
    HVIS_CHECK(partition->start());
    loop->run();
    show();
    print_exits(*partition);
    std::printf("[host] unclaimed accesses: %llu\n",
                static_cast<unsigned long long>(bus.unclaimed()));
    partition->set_client(nullptr);
    return client.status();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: boot_guest KERNEL INITRD|- COMMAND-LINE [MIB [PROCESSORS]]\n");
        return 2;
    }
    std::setvbuf(stdout, nullptr, _IONBF, 0);
    const auto status = run(argc, argv);
    return status ? *status : complain(status.error());
}
