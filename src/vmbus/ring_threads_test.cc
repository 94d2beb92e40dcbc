// Writer and reader on two threads that sleep until they are signalled: a signal that is not given
// when it is due leaves both asleep, and the test runs into its time limit.

#include <cstdlib>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "vmbus/fake_ring.h"

namespace hvis::vmbus {
namespace {

constexpr uint64_t kPackets = 50'000;

/// What HvSignalEvent and an interrupt are between host and guest.
class Signal {
public:
    void give() const {
        const uint64_t one = 1;
        ASSERT_EQ(::write(fd_.get(), &one, sizeof(one)), sizeof(one));
    }
    void wait() const {
        uint64_t count = 0;
        ASSERT_EQ(::read(fd_.get(), &count, sizeof(count)), sizeof(count));
    }

private:
    UniqueFd fd_{::eventfd(0, EFD_CLOEXEC)};
};

struct Link {
    FakeRing ring;
    Signal to_reader;
    Signal to_writer;
};

void write_all(const Link& link, uint32_t seed) {
    std::mt19937 random(seed);
    auto writer = link.ring.writer();
    const Bytes payload(2000);
    for (uint64_t id = 0; id < kPackets;) {
        const size_t size = random() % (random() % 16 == 0 ? 2000 : 100);
        const auto result = writer.write({.transaction_id = id,
                                          .extended_header = {},
                                          .payload = ByteView(payload).first(size)});
        ASSERT_TRUE(result);
        const bool full = *result == WriteResult::kFull;
        id += full ? 0 : 1;
        if ((full || random() % 4 == 0 || id == kPackets) && writer.commit()) {
            link.to_reader.give();
        }
        if (full) {
            link.to_writer.wait();
        }
    }
}

void read_all(const Link& link) {
    auto reader = link.ring.reader();
    Bytes buffer;
    uint64_t expected = 0;
    const auto commit = [&] {
        if (reader.commit()) {
            link.to_writer.give();
        }
    };
    reader.mask_signals();
    while (expected < kPackets) {
        const auto packet = reader.read(buffer);
        ASSERT_TRUE(packet);
        if (*packet) {
            ASSERT_EQ((*packet)->transaction_id, expected++);
            if (expected % 7 == 0) {
                commit();
            }
            continue;
        }
        commit();
        if (!reader.unmask_signals()) {
            link.to_reader.wait();
        }
        reader.mask_signals();
    }
}

TEST(RingThreads, NeverSleepOnWorkOrRoom) {
    for (uint32_t seed = 0; seed < 6; ++seed) {
        const Link link{
            .ring = FakeRing(1 + seed % 3, seed % 2 == 0 ? FakeRing::Layout::kContiguous
                                                         : FakeRing::Layout::kScattered),
            .to_reader = {},
            .to_writer = {}};
        std::thread writer([&] { write_all(link, seed); });
        read_all(link);
        writer.join();
    }
}

}  // namespace
}  // namespace hvis::vmbus
