// A reader that is honest or not: whatever it stores, the writer stays within the ring, and what an
// honest reader sees is what was written.

#include <deque>

#include "vmbus/fake_ring.h"
#include "vmbus/fuzz_script.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::vmbus;

constexpr int kMaxSteps = 400;

struct Expected {
    uint64_t transaction_id;
    size_t header_size;
    size_t payload_size;
};

class Session {
public:
    explicit Session(FuzzScript& script)
        : script_(script),
          honest_(script.byte() % 2 == 0),
          ring_(1 + script.below(3), script.byte() % 2 == 0 ? FakeRing::Layout::kContiguous
                                                            : FakeRing::Layout::kScattered) {
        ring_.start_at(script.below(ring_.size() / 8) * 8);
    }

    void run() {
        auto writer = ring_.writer();
        auto reader = ring_.reader();
        for (int step = 0; step < kMaxSteps && !script_.ended(); ++step) {
            take_step(writer, reader);
        }
    }

private:
    void take_step(RingWriter& writer, RingReader& reader) {
        switch (script_.below(6)) {
            case 0:
            case 1:
                write(writer);
                break;
            case 2:
                (void)writer.commit();
                published_ = written_.size();
                break;
            case 3:
                (void)writer.has_room(script_.below(2 * ring_.size()));
                break;
            case 4:
                if (!honest_) {
                    ring_.store(wire::kRingReadIndex, script_.number<uint32_t>());
                    ring_.store(wire::kRingInterruptMask, script_.number<uint32_t>());
                }
                break;
            default:
                read(reader);
                break;
        }
    }

    void write(RingWriter& writer) {
        const Bytes header(size_t{script_.below(64)} * 4);
        const Bytes payload(script_.below(script_.byte() % 4 == 0 ? 20000 : 300));
        const auto result = writer.write(
            {.transaction_id = ++transaction_id_, .extended_header = header, .payload = payload});
        if (result && *result == WriteResult::kWritten) {
            written_.push_back({transaction_id_, header.size(), payload.size()});
        }
        require(!honest_ || result || result.error().code != Errc::kProtocol);
    }

    void read(RingReader& reader) {
        if (!honest_) {
            return;
        }
        const auto packet = reader.read(buffer_);
        require(packet.has_value());
        // A full ring shows the reader what was written before commit().
        require(packet->has_value() ? !written_.empty() : published_ == 0);
        if (*packet) {
            const auto expected = written_.front();
            written_.pop_front();
            published_ -= published_ != 0 ? 1 : 0;
            require((*packet)->transaction_id == expected.transaction_id);
            require((*packet)->extended_header.size() == expected.header_size);
            require((*packet)->payload.size() >= expected.payload_size);
        }
        (void)reader.commit();
    }

    FuzzScript& script_;
    bool honest_;
    FakeRing ring_;
    Bytes buffer_;
    std::deque<Expected> written_;
    size_t published_ = 0;
    uint64_t transaction_id_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    FuzzScript script(data, size);
    Session(script).run();
    return 0;
}
