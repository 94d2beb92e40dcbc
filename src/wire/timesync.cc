#include "wire/timesync.h"

#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

/// Linux: struct ictimesync_data.
struct [[gnu::packed]] TimeSyncWire {
    uint64_t parent_time;
    uint64_t child_time;
    uint64_t round_trip;
    uint8_t flags;
};
static_assert(sizeof(TimeSyncWire) == 25);

/// Linux: struct ictimesync_ref_data, without the reserved bytes at its end.
struct [[gnu::packed]] TimeSyncReferenceWire {
    uint64_t parent_time;
    uint64_t reference_time;
    uint8_t flags;
    uint8_t leap;
    uint8_t stratum;
};
static_assert(sizeof(TimeSyncReferenceWire) == 19);

}  // namespace

Bytes format_time_sample(const TimeSample& sample, IcVersion version) {
    Bytes out;
    Writer writer(out);
    if (version >= kTimeSyncReferenceVersion) {
        writer.put(TimeSyncReferenceWire{.parent_time = sample.parent_time,
                                         .reference_time = sample.reference_time,
                                         .flags = sample.flags,
                                         .leap = sample.leap,
                                         .stratum = sample.stratum});
        writer.put_zeros(kTimeSyncReferenceBodySize - sizeof(TimeSyncReferenceWire));
    } else {
        writer.put(TimeSyncWire{.parent_time = sample.parent_time,
                                .child_time = sample.child_time,
                                .round_trip = sample.round_trip,
                                .flags = sample.flags});
        writer.put_zeros(kTimeSyncBodySize - sizeof(TimeSyncWire));
    }
    return out;
}

Result<TimeSample> parse_time_sample(ByteView body, IcVersion version) {
    Reader reader(body);
    if (version >= kTimeSyncReferenceVersion) {
        const auto sample = HVIS_TRY(reader.take<TimeSyncReferenceWire>());
        return TimeSample{.parent_time = sample.parent_time,
                          .reference_time = sample.reference_time,
                          .flags = sample.flags,
                          .leap = sample.leap,
                          .stratum = sample.stratum};
    }
    const auto sample = HVIS_TRY(reader.take<TimeSyncWire>());
    return TimeSample{.parent_time = sample.parent_time,
                      .child_time = sample.child_time,
                      .round_trip = sample.round_trip,
                      .flags = sample.flags};
}

}  // namespace hvis::wire
