// A host that sends the guest half anything, while the guest goes about its business.

#include "vmbus/channel_client.h"
#include "vmbus/fuzz_script.h"
#include "wire/hypercall.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::vmbus;

constexpr int kMaxSteps = 500;
constexpr uint32_t kFirstGpadl = 0xe1e10;

class Session {
public:
    explicit Session(FuzzScript& script) : script_(script) {}

    void run() {
        client_.connect();
        for (int step = 0; step < kMaxSteps && !script_.ended(); ++step) {
            if (script_.byte() % 2 == 0) {
                const Bytes bytes = script_.byte() % 8 == 0
                                        ? script_.block(wire::kMaxMessagePayload)
                                        : wire::format_message(message());
                (void)client_.handle_message(bytes);
            } else {
                command();
            }
            (void)client_.take_effects();
            require(client_.relids().size() <= wire::kLastRelid);
        }
    }

private:
    uint32_t relid() { return script_.below(5); }
    uint32_t gpadl() { return kFirstGpadl + script_.below(6); }
    uint32_t status() { return script_.byte() % 4 == 0 ? wire::kNtUnsuccessful : 0; }

    wire::HostMessage message() {
        switch (script_.below(9)) {
            case 0:
                return wire::VersionResponse{.supported = script_.byte() % 2 == 0,
                                             .connection_id = script_.number<uint32_t>()};
            case 1:
                return wire::OfferChannel{.relid = relid()};
            case 2:
                return wire::AllOffersDelivered{};
            case 3:
                return wire::RescindOffer{relid()};
            case 4:
                return wire::OpenChannelResult{.relid = relid(), .open_id = 0, .status = status()};
            case 5:
                return wire::GpadlCreated{.relid = relid(), .gpadl = gpadl(), .status = status()};
            case 6:
                return wire::GpadlTorndown{gpadl()};
            case 7:
                return wire::ModifyChannelResponse{.relid = relid(), .status = status()};
            default:
                return wire::UnloadResponse{};
        }
    }

    void command() {
        switch (script_.below(10)) {
            case 0: {
                wire::GpaRanges memory;
                const uint32_t pages = script_.below(40);
                memory.add(pages * 4096, 0, std::vector<uint64_t>(pages, 1));
                (void)client_.create_gpadl(relid(), memory);
                break;
            }
            case 1:
                (void)client_.teardown_gpadl(gpadl());
                break;
            case 2:
                (void)client_.open(relid(), {.ring_gpadl = gpadl()});
                break;
            case 3:
                (void)client_.close(relid());
                break;
            case 4:
                (void)client_.release(relid());
                break;
            case 5:
                (void)client_.retarget(relid(), 0);
                break;
            case 6:
                (void)(script_.byte() % 4 == 0 ? client_.unload() : client_.request_offers());
                break;
            case 7:
                client_.contact_undeliverable();
                break;
            case 8:
                if (!client_.is_connected()) {
                    client_.connect();
                }
                break;
            default:
                while (const auto* next = client_.next_message()) {
                    require(next->payload.size() <= wire::kMaxMessagePayload);
                    require(wire::parse_guest_message(next->payload).has_value());
                    client_.message_sent();
                }
                break;
        }
    }

    FuzzScript& script_;
    ChannelClient client_{{}};
};

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    FuzzScript script(data, size);
    Session(script).run();
    return 0;
}
