// A hostile guest and its host's devices, interleaved. The guest sends well-formed messages with
// any numbers in them, and any bytes; the devices answer what they were told, whenever.

#include <deque>
#include <set>

#include "vmbus/channel_server.h"
#include "vmbus/fuzz_script.h"
#include "wire/hypercall.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::vmbus;

constexpr int kMaxSteps = 500;
constexpr uint32_t kProcessors = 2;

class Session {
public:
    explicit Session(FuzzScript& script) : script_(script) {}

    void run() {
        for (int step = 0; step < kMaxSteps && !script_.ended(); ++step) {
            if (script_.byte() % 3 != 0) {
                guest();
            } else {
                host();
            }
            collect();
            require(server_.consistent());
        }
        server_.reset();
        collect();
        while (!work_.empty()) {
            device();
            collect();
        }
        require(server_.is_idle() && attached_.empty());
    }

private:
    uint32_t relid() { return script_.below(6); }
    uint32_t gpadl() { return script_.below(4); }

    wire::GuestMessage message() {
        switch (script_.below(12)) {
            case 0: {
                const auto versions = wire::vmbus_versions();
                const auto index = script_.below(static_cast<uint32_t>(versions.size()) + 1);
                return wire::InitiateContact{
                    .version = index < versions.size() ? static_cast<uint32_t>(versions[index])
                                                       : script_.number<uint32_t>(),
                    .target_vp = script_.below(kProcessors + 1),
                    .target_sint = static_cast<uint8_t>(script_.byte() % 8 == 0 ? 0 : 2)};
            }
            case 1:
                return wire::RequestOffers{};
            case 2:
            case 3:
                return header();
            case 4:
                return wire::GpadlBody{.gpadl = gpadl(),
                                       .words = std::vector<uint64_t>(script_.below(30), 3)};
            case 5:
            case 6:
                return wire::OpenChannel{.relid = relid(),
                                         .ring_gpadl = gpadl(),
                                         .target_vp = script_.below(kProcessors + 1),
                                         .downstream_page_offset = script_.below(8)};
            case 7:
                return wire::CloseChannel{relid()};
            case 8:
                return wire::GpadlTeardown{.relid = relid(), .gpadl = gpadl()};
            case 9:
                return wire::RelidReleased{relid()};
            case 10:
                return wire::ModifyChannel{.relid = relid(),
                                           .target_vp = script_.below(kProcessors + 1)};
            default:
                return script_.byte() % 4 == 0 ? wire::GuestMessage(wire::Unload{})
                                               : wire::GuestMessage(wire::TlConnectRequest{});
        }
    }

    wire::GpadlHeader header() {
        const auto pages = static_cast<uint16_t>(script_.below(60));
        wire::GpadlHeader header{.relid = relid(),
                                 .gpadl = gpadl(),
                                 .range_buffer_size = static_cast<uint16_t>(8 + 8 * pages),
                                 .range_count = 1,
                                 .words = std::vector<uint64_t>(size_t{1} + pages, 5)};
        header.words[0] = uint64_t{pages} * 4096;
        if (script_.byte() % 8 == 0) {
            header.words[0] = script_.number<uint64_t>();
            header.range_count = script_.number<uint16_t>();
        }
        return header;
    }

    void guest() {
        const uint32_t id =
            script_.byte() % 8 == 0 ? wire::kMessageConnectionId : wire::kMessageConnectionIdV5;
        const Bytes bytes = script_.byte() % 8 == 0 ? script_.block(wire::kMaxMessagePayload)
                                                    : wire::format_message(message());
        const bool can = server_.can_accept_message();
        const auto result = server_.handle_message(id, bytes);
        require(can || !result);
    }

    void host() {
        switch (script_.below(8)) {
            case 0: {
                OfferParams params;
                params.instance.bytes[0] = static_cast<uint8_t>(script_.below(4));
                params.subchannel_index = static_cast<uint16_t>(script_.below(3));
                (void)server_.add_offer(params);
                break;
            }
            case 1:
                (void)server_.rescind(OfferId{script_.below(8)});
                break;
            case 2:
                (void)server_.reoffer(OfferId{script_.below(8)});
                break;
            case 3:
                (void)server_.remove(OfferId{script_.below(8)});
                break;
            case 4:
                if (script_.byte() % 16 == 0) {
                    server_.reset();
                }
                break;
            case 5:
                deliver(script_.below(100));
                break;
            default:
                device();
                break;
        }
    }

    void deliver(uint32_t count) {
        for (uint32_t sent = 0; sent < count; ++sent) {
            const auto* next = server_.next_message();
            if (next == nullptr) {
                return;
            }
            require(next->payload.size() <= wire::kMaxMessagePayload);
            require(next->target_vp < kProcessors && next->sint < wire::kSintCount);
            require(wire::parse_host_message(next->payload).has_value());
            server_.message_sent();
        }
    }

    void collect() {
        for (auto& effect : server_.take_effects()) {
            if (const auto* open = std::get_if<OpenChannel>(&effect)) {
                require(open->incoming_pages.size() >= 2 && open->outgoing_pages.size() >= 2);
                require(server_.gpadl(open->offer, open->ring_gpadl) != nullptr || !work_.empty());
            }
            work_.push_back(std::move(effect));
        }
    }

    void device() {
        if (work_.empty()) {
            return;
        }
        const auto effect = work_.front();
        work_.pop_front();
        if (const auto* open = std::get_if<OpenChannel>(&effect)) {
            require(attached_.insert(open->offer).second);
            const bool fails = script_.byte() % 8 == 1;
            const auto before = server_.status(open->offer);
            server_.open_result(open->offer, fails ? wire::kNtUnsuccessful : wire::kNtSuccess);
            if (fails && before && before->phase == ChannelPhase::kOpening) {
                attached_.erase(open->offer);
            }
        } else if (const auto* close = std::get_if<CloseChannel>(&effect)) {
            require(attached_.erase(close->offer) == 1);
            server_.channel_closed(close->offer);
        } else if (const auto* release = std::get_if<ReleaseGpadl>(&effect)) {
            server_.gpadl_released(release->offer, release->gpadl);
        } else if (std::holds_alternative<Disconnected>(effect)) {
            require(attached_.empty());
        }
    }

    FuzzScript& script_;
    ChannelServer server_{{.processor_count = kProcessors}};
    std::deque<ServerEffect> work_;
    std::set<OfferId> attached_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    FuzzScript script(data, size);
    Session(script).run();
    return 0;
}
