// A writer that stores what it likes, anywhere in the ring, between any two steps of the reader.

#include "vmbus/fake_ring.h"
#include "vmbus/fuzz_script.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::vmbus;

constexpr int kMaxSteps = 400;

class Session {
public:
    explicit Session(FuzzScript& script)
        : script_(script),
          ring_(1 + script.below(3), script.byte() % 2 == 0 ? FakeRing::Layout::kContiguous
                                                            : FakeRing::Layout::kScattered) {
        ring_.start_at(script.number<uint32_t>());
    }

    void run() {
        auto reader = RingReader::attach(ring_.memory());
        if (!reader) {
            return;
        }
        for (int step = 0; step < kMaxSteps && !script_.ended(); ++step) {
            take_step(*reader);
        }
    }

private:
    void take_step(RingReader& reader) {
        switch (script_.below(9)) {
            case 0:
                ring_.memory().copy_in(script_.number<uint32_t>() % ring_.size(),
                                       script_.block(512));
                break;
            case 1:
                ring_.store(wire::kRingWriteIndex, script_.number<uint32_t>());
                break;
            case 2:
                ring_.store(wire::kRingWriteIndex, script_.below(ring_.size() / 8) * 8);
                break;
            case 3:
                ring_.store(wire::kRingPendingSendSize, script_.number<uint32_t>());
                break;
            case 4:
                ring_.store(wire::kRingFeatureBits, script_.number<uint32_t>());
                break;
            case 5:
                (void)reader.commit();
                require(broken_ || ring_.load(wire::kRingReadIndex) < ring_.size());
                break;
            case 6:
                reader.mask_signals();
                break;
            case 7:
                (void)reader.unmask_signals();
                require(reader.available() < ring_.size());
                break;
            default:
                read(reader);
                break;
        }
    }

    void read(RingReader& reader) {
        const auto packet = reader.read(buffer_);
        require(!broken_ || !packet);
        broken_ = broken_ || !packet;
        if (!packet || !*packet) {
            return;
        }
        const auto& [type, flags, transaction_id, header, payload] = **packet;
        require(header.size() % wire::kRingAlignment == 0);
        require(payload.size() % wire::kRingAlignment == 0);
        require(header.size() + payload.size() + wire::kPacketDescriptorSize +
                    wire::kPacketFooterSize <
                ring_.size());
        wire::GpaRanges ranges;
        if (wire::parse_gpa_direct(header, ranges)) {
            require(ranges.pages.size() <= wire::kMaxGpaDirectPages);
        }
        (void)wire::parse_transfer_pages(header);
    }

    FuzzScript& script_;
    FakeRing ring_;
    Bytes buffer_;
    bool broken_ = false;
};

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    FuzzScript script(data, size);
    Session(script).run();
    return 0;
}
