// What a processor of a hostile guest leaves for user space: hypercalls and their input pages,
// crash and SynIC registers, accesses to ports and to memory where nothing is.

#include <array>
#include <cstring>

#include "kvm/exits.h"
#include "vmbus/fuzz_script.h"
#include "wire/hypercall.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::kvm;
using vmbus::require;

constexpr uint64_t kRam = 16 * uint64_t{vm::kPageSize};
constexpr uint32_t kProcessors = 2;
constexpr uint32_t kConnection = 4;
constexpr int kMaxSteps = 200;

/// Claims a few ports and a page, and reads as zero.
class Sink : public vm::IoHandler {
public:
    void read(uint64_t /*offset*/, MutableByteView data) override {
        std::memset(data.data(), 0, data.size());
    }
    void write(uint64_t /*offset*/, ByteView /*data*/) override {}
    void reset() override {}
};

class Session {
public:
    Session(vmbus::FuzzScript& script, vm::GuestMemory& memory)
        : script_(script), memory_(memory), synic_(memory, kProcessors) {
        require(bus_.attach_ports(0x3f8, 8, sink_).has_value());
        require(bus_.attach_memory({0xfed00000}, 0x1000, sink_).has_value());
        events_->accept(kConnection);
    }

    void run() {
        for (int step = 0; step < kMaxSteps && !script_.ended(); ++step) {
            take_step();
        }
        int messages = 0;
        while (const auto message = events_->take_message()) {
            require(message->connection_id == kConnection);
            require(message->payload.size() <= wire::kMaxMessagePayload);
            require(++messages <= static_cast<int>(PartitionEvents::kMaxMessages));
        }
        require(events_->take_crashes().size() <= PartitionEvents::kMaxCrashes);
    }

private:
    void take_step() {
        std::memset(area_.data(), 0, sizeof(kvm_run));
        switch (script_.below(8)) {
            case 0:
                (void)memory_.copy_in({script_.below(kRam)}, script_.block(512));
                return;
            case 1:
                hypercall(wire::kHvCallPostMessage | uint64_t{script_.byte()} << 16U,
                          script_.below(kRam + 512) & ~7U);
                return;
            case 2:
                hypercall(script_.number<uint64_t>(), script_.number<uint64_t>());
                return;
            case 3:
                post_properly();
                return;
            case 4:
                crash_register();
                break;
            case 5:
                synic_registers();
                break;
            case 6:
                port();
                break;
            default:
                memory_access();
                break;
        }
        handle();
    }

    kvm_run& run_area() { return *static_cast<kvm_run*>(static_cast<void*>(area_.data())); }
    void handle() {
        require(handle_exit(run_area(), area_.size(), script_.below(kProcessors), targets_).run_on);
    }

    void hypercall(uint64_t input, uint64_t first) {
        auto& run = run_area();
        run.exit_reason = KVM_EXIT_HYPERV;
        run.hyperv.type = KVM_EXIT_HYPERV_HCALL;
        run.hyperv.u.hcall.input = input;
        run.hyperv.u.hcall.params[0] = first;
        run.hyperv.u.hcall.params[1] = script_.number<uint16_t>();
        handle();
        require(run.hyperv.u.hcall.result <= UINT16_MAX);
    }

    /// Proper but for its size and connection, which are nearly right.
    void post_properly() {
        wire::PostMessageInput input{};
        input.connection_id = kConnection + script_.below(2);
        input.message_type = script_.byte();
        input.payload_size = script_.below(wire::kMaxMessagePayload + 4);
        const uint64_t place = script_.below(kRam / 256) * uint64_t{256};
        require(memory_.write({place}, input).has_value());
        hypercall(wire::kHvCallPostMessage, place);
    }

    void crash_register() {
        constexpr uint32_t kCrashRegisters = 0x40000100;  // HV_X64_MSR_CRASH_P0 to _CTL
        auto& run = run_area();
        run.exit_reason = script_.byte() % 2 == 0 ? KVM_EXIT_X86_RDMSR : KVM_EXIT_X86_WRMSR;
        run.msr.index = kCrashRegisters + script_.below(7);
        run.msr.data = script_.byte() % 2 == 0 ? script_.number<uint64_t>() : script_.below(kRam);
    }

    void synic_registers() {
        auto& run = run_area();
        run.exit_reason = KVM_EXIT_HYPERV;
        run.hyperv.type = KVM_EXIT_HYPERV_SYNIC;
        run.hyperv.u.synic.control = script_.byte();
        run.hyperv.u.synic.msg_page = script_.number<uint32_t>();
        run.hyperv.u.synic.evt_page = script_.number<uint32_t>();
    }

    void port() {
        constexpr std::array<uint8_t, 3> kSizes = {1, 2, 4};
        auto& run = run_area();
        run.exit_reason = KVM_EXIT_IO;
        run.io.direction = script_.byte() % 2 == 0 ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
        run.io.size = kSizes.at(script_.below(kSizes.size()));
        run.io.port = script_.byte() % 2 == 0 ? script_.number<uint16_t>()
                                              : static_cast<uint16_t>(0x3f0 + script_.below(0x20));
        run.io.count = 1 + script_.below(1024);
        run.io.data_offset = vm::kPageSize;
    }

    void memory_access() {
        auto& run = run_area();
        run.exit_reason = KVM_EXIT_MMIO;
        run.mmio.phys_addr = script_.byte() % 2 == 0 ? script_.number<uint64_t>()
                                                     : 0xfecffff0 + script_.below(0x1020);
        run.mmio.len = script_.byte();
        run.mmio.is_write = script_.byte() % 2;
    }

    vmbus::FuzzScript& script_;
    vm::GuestMemory& memory_;
    Sink sink_;
    vm::IoBus bus_;
    vm::Synic synic_;
    CrashRegisters crash_;
    std::unique_ptr<PartitionEvents> events_ = std::move(*PartitionEvents::create());
    ExitTargets targets_{bus_, synic_, memory_, crash_, *events_};
    /// The area that KVM shares with user space: three pages.
    alignas(8) std::array<std::byte, 3 * vm::kPageSize> area_{};
};

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    static vm::GuestMemory memory = std::move(*vm::GuestMemory::create({{{0}, kRam}}, "fuzz"));
    (void)memory.clear();
    vmbus::FuzzScript script(data, size);
    Session(script, memory).run();
    return 0;
}
