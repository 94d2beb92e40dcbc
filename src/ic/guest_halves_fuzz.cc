#include <algorithm>
#include <array>

#include "ic/heartbeat_guest.h"
#include "ic/kvp_guest.h"
#include "ic/shutdown_guest.h"
#include "ic/time_sync_guest.h"
#include "wire/negotiate.h"

/// A hostile host against one guest half. The first byte chooses the half, the second whether a
/// proper negotiation comes first; the rest are packets, each after two bytes of length. A first
/// length byte of 255 means that the bytes are a body, to be framed properly.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::ic;

Bytes proper_offer(uint8_t choice) {
    const std::array<Version, 6> versions = {{{1, 0}, {3, 0}, {3, 1}, {3, 2}, {4, 0}, {5, 0}}};
    wire::IcHeader header;
    header.flags = wire::kIcTransaction | wire::kIcRequest;
    return wire::format_ic_packet(
        header, wire::format_negotiate_offer(
                    {.framework = {{1, 0}, {3, 0}}, .message = {versions.at(choice % 6)}}));
}

void feed(GuestService& guest, ByteView packet) {
    const auto reply = guest.packet_received(packet, {});
    // Whatever a host sends, the reply fits where the request was.
    if (reply && *reply && (**reply).size() != packet.size()) {
        __builtin_trap();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    auto bytes = std::as_bytes(std::span(data, size));
    if (bytes.size() < 2) {
        return 0;
    }
    MemoryKvpStore store;
    KvpIpInfo adapter;
    adapter.adapter = "a";
    store.add_adapter(adapter);
    HeartbeatGuest heartbeat;
    ShutdownGuest shutdown;
    TimeSyncGuest time_sync;
    KvpGuest kvp(store);
    const std::array<GuestService*, 4> halves = {&heartbeat, &shutdown, &time_sync, &kvp};
    const std::array<uint16_t, 4> types = {1, 3, 4, 2};
    const size_t which = std::to_integer<size_t>(bytes[0]) % 4;
    GuestService& guest = *halves.at(which);
    if (bytes[1] != std::byte{0}) {
        feed(guest, proper_offer(std::to_integer<uint8_t>(bytes[1])));
    }
    bytes = bytes.subspan(2);
    while (bytes.size() > 2) {
        const size_t high = std::to_integer<size_t>(bytes[0]);
        const size_t wanted =
            (high == 255 ? 0 : high * 32) + std::to_integer<size_t>(bytes[1]) * 32;
        bytes = bytes.subspan(2);
        const auto packet = bytes.first(std::min(wanted, bytes.size()));
        bytes = bytes.subspan(packet.size());
        if (high == 255) {
            wire::IcHeader header;
            header.type = types.at(which);
            feed(guest, wire::format_ic_packet(header, packet));
        } else {
            feed(guest, packet);
        }
    }
    (void)shutdown.take_effects();
    (void)time_sync.take_effects();
    return 0;
}
