#include "wire/heartbeat.h"

#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

/// The part of the body that means something.
struct [[gnu::packed]] HeartbeatWire {
    uint64_t sequence;
    uint32_t application_state;
};
static_assert(sizeof(HeartbeatWire) == 12);

}  // namespace

Bytes format_heartbeat(const Heartbeat& heartbeat) {
    Bytes out;
    Writer writer(out);
    writer.put(HeartbeatWire{.sequence = heartbeat.sequence,
                             .application_state = heartbeat.application_state});
    writer.put_zeros(kHeartbeatBodySize - sizeof(HeartbeatWire));
    return out;
}

Result<Heartbeat> parse_heartbeat(ByteView body) {
    Reader reader(body);
    const auto beat = HVIS_TRY(reader.take<HeartbeatWire>());
    return Heartbeat{.sequence = beat.sequence, .application_state = beat.application_state};
}

}  // namespace hvis::wire
