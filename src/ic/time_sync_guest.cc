#include "ic/time_sync_guest.h"

#include <array>

#include "wire/timesync.h"

namespace hvis::ic {
namespace {

constexpr std::array<Version, 3> kVersions = {{{4, 0}, {3, 0}, {1, 0}}};

}  // namespace

TimeSyncGuest::TimeSyncGuest() : session_(wire::IcMessageType::kTimeSync, kVersions) {}

Result<std::optional<Bytes>> TimeSyncGuest::packet_received(ByteView packet, const Clocks& clocks) {
    auto received = HVIS_TRY(session_.receive(packet));
    if (auto* reply = std::get_if<Bytes>(&received)) {
        return std::move(*reply);
    }
    const Version version = session_.message_version().value_or(Version{});
    auto sample =
        HVIS_TRY(wire::parse_time_sample(std::get<GuestSession::Request>(received).body, version));
    const bool referenced = version >= wire::kTimeSyncReferenceVersion;
    const uint64_t age = referenced ? clocks.reference - sample.reference_time : 0;
    effects_.push_back({.host_time = {sample.parent_time + age},
                        .sync = (sample.flags & wire::kTimeSyncSync) != 0});
    sample.child_time = clocks.wall.ticks;
    return wire::format_ic_reply(packet, wire::kIcOk, wire::format_time_sample(sample, version));
}

}  // namespace hvis::ic
