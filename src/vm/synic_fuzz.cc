// A guest that moves its message and event pages about and writes what it likes into them, between
// any two messages and signals of the host.

#include <cstring>

#include "vm/synic.h"
#include "vmbus/fuzz_script.h"
#include "wire/hypercall.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::vm;
using vmbus::require;

constexpr uint32_t kProcessors = 2;
constexpr uint32_t kPages = 4;
constexpr int kMaxSteps = 200;

class Session {
public:
    Session(vmbus::FuzzScript& script, GuestMemory& memory)
        : script_(script), memory_(memory), synic_(memory, kProcessors) {}

    void run() {
        for (int step = 0; step < kMaxSteps && !script_.ended(); ++step) {
            take_step();
        }
    }

private:
    void take_step() {
        switch (script_.below(7)) {
            case 0:
                synic_.set_control(processor(), script_.byte());
                break;
            case 1:
                synic_.set_message_page(processor(), page_register());
                break;
            case 2:
                synic_.set_event_page(processor(), page_register());
                break;
            case 3: {
                const uint64_t place = script_.below(kPages * kPageSize);
                const Bytes bytes = script_.block(512);
                (void)memory_.copy_in({place}, bytes);
                break;
            }
            case 4:
                post();
                break;
            case 5:
                signal();
                break;
            default:
                synic_.reset();
                break;
        }
    }

    /// Now and then one that does not exist.
    uint32_t processor() { return script_.below(kProcessors + 1); }
    SynicTarget target() {
        return {.vp = processor(), .sint = static_cast<uint8_t>(script_.below(18))};
    }
    /// Mostly a page of RAM, enabled; now and then any 64 bits.
    uint64_t page_register() {
        const uint8_t choice = script_.byte();
        return choice == 0 ? script_.number<uint64_t>()
                           : choice % (kPages + 1) * uint64_t{kPageSize} + (choice < 250 ? 1 : 0);
    }

    void post() {
        const SynicTarget to = target();
        const SynicMessage message{.type = script_.byte(), .payload = script_.block(256)};
        const auto posted = synic_.post_message(to, message);
        const bool proper = to.vp < kProcessors && to.sint < wire::kSintCount &&
                            message.type != 0 && message.payload.size() <= wire::kMaxMessagePayload;
        require(posted.has_value() == proper);
    }

    /// A flag that was clear is not clear any more.
    void signal() {
        const SynicTarget to = target();
        const auto flag = script_.number<uint16_t>();
        if (synic_.set_event_flag(to, flag)) {
            require(to.vp < kProcessors && flag < wire::kEventFlagsPerSint);
            require(!synic_.set_event_flag(to, flag));
        }
    }

    vmbus::FuzzScript& script_;
    GuestMemory& memory_;
    Synic synic_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    static GuestMemory memory =
        std::move(*GuestMemory::create({{{0}, kPages * uint64_t{kPageSize}}}, "fuzz"));
    (void)memory.clear();
    vmbus::FuzzScript script(data, size);
    Session(script, memory).run();
    return 0;
}
