// Packets through one VMBus ring against memcpy of the same bytes, in and out of a buffer of the
// same size. Each measure counts a byte once, though it is copied twice: in by the writer, out by
// the reader.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include <benchmark/benchmark.h>

#include "base/bytes.h"
#include "vmbus/fake_ring.h"

namespace hvis {
namespace {

/// 128 KiB of data, what hv_storvsc gives each of its rings.
constexpr size_t kRingPages = 32;
constexpr size_t kRingBytes = kRingPages * wire::kRingPageSize;

void count(benchmark::State& state, uint64_t packets) {
    state.SetItemsProcessed(static_cast<int64_t>(packets));
    state.SetBytesProcessed(static_cast<int64_t>(packets) * state.range(0));
}

/// Fills the buffer piece by piece, then empties it: the floor that the ring is held against.
void memcpy_in_and_out(benchmark::State& state) {
    const auto size = static_cast<size_t>(state.range(0));
    const Bytes source(size, std::byte{1});
    Bytes target(size);
    Bytes buffer(kRingBytes);
    uint64_t copies = 0;
    for (auto _ : state) {
        for (size_t offset = 0; offset + size <= kRingBytes; offset += size) {
            std::memcpy(buffer.data() + offset, source.data(), size);
            benchmark::ClobberMemory();
        }
        for (size_t offset = 0; offset + size <= kRingBytes; offset += size) {
            std::memcpy(target.data(), buffer.data() + offset, size);
            benchmark::ClobberMemory();
            ++copies;
        }
    }
    count(state, copies);
}

/// Fills the ring packet by packet, then empties it: batches, as a busy channel sees them.
void ring_in_batches(benchmark::State& state) {
    const Bytes payload(static_cast<size_t>(state.range(0)), std::byte{1});
    const vmbus::FakeRing ring(kRingPages);
    auto writer = ring.writer();
    auto reader = ring.reader();
    Bytes buffer;
    uint64_t packets = 0;
    for (auto _ : state) {
        while (*writer.write({.payload = payload}) == vmbus::WriteResult::kWritten) {
        }
        benchmark::DoNotOptimize(writer.commit());
        while (const auto packet = *reader.read(buffer)) {
            benchmark::DoNotOptimize(packet->payload.data());
            ++packets;
        }
        benchmark::DoNotOptimize(reader.commit());
    }
    count(state, packets);
}

/// One packet in, told, one packet out, told: what a request and its answer cost.
void ring_one_by_one(benchmark::State& state) {
    const Bytes payload(static_cast<size_t>(state.range(0)), std::byte{1});
    const vmbus::FakeRing ring(kRingPages);
    auto writer = ring.writer();
    auto reader = ring.reader();
    Bytes buffer;
    uint64_t packets = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(writer.write({.payload = payload}));
        benchmark::DoNotOptimize(writer.commit());
        benchmark::DoNotOptimize(reader.read(buffer));
        benchmark::DoNotOptimize(reader.commit());
        ++packets;
    }
    count(state, packets);
}

/// What each side moves before it tells the other: an eighth of the ring, so that both work at once
/// on different parts of it.
constexpr size_t kBatchBytes = kRingBytes / 8;

/// Waits for the other side: on its own processor first, then by giving way, so that a busy machine
/// does not stop both.
class Patience {
public:
    void wait() {
        if (++looks_ < kLooks) {
            __builtin_ia32_pause();
            return;
        }
        std::this_thread::yield();
    }
    void progressed() { looks_ = 0; }

private:
    static constexpr int kLooks = 10'000;
    int looks_ = 0;
};

/// Keeps the ring filled until it is told to stop.
void write_until(const std::atomic<bool>& done, vmbus::RingWriter& writer, const Bytes& payload,
                 size_t batch) {
    Patience patience;
    while (!done.load(std::memory_order_relaxed)) {
        size_t written = 0;
        while (written < batch &&
               *writer.write({.payload = payload}) == vmbus::WriteResult::kWritten) {
            ++written;
        }
        if (written == 0) {
            patience.wait();
            continue;
        }
        benchmark::DoNotOptimize(writer.commit());
        patience.progressed();
    }
}

/// Writer and reader on two processors, both polling: the ring as a link between guest and host.
void ring_between_threads(benchmark::State& state) {
    const Bytes payload(static_cast<size_t>(state.range(0)), std::byte{1});
    const size_t batch = kBatchBytes / payload.size();
    const vmbus::FakeRing ring(kRingPages);
    auto reader = ring.reader();
    auto writer = ring.writer();
    std::atomic<bool> done{false};
    std::thread other([&] { write_until(done, writer, payload, batch); });
    Bytes buffer;
    Patience patience;
    uint64_t packets = 0;
    for (auto _ : state) {
        size_t taken = 0;
        while (taken < batch) {
            const auto packet = *reader.read(buffer);
            if (!packet) {
                break;
            }
            benchmark::DoNotOptimize(packet->payload.data());
            ++taken;
        }
        if (taken == 0) {
            patience.wait();
            continue;
        }
        benchmark::DoNotOptimize(reader.commit());
        patience.progressed();
        packets += taken;
    }
    done = true;
    other.join();
    count(state, packets);
}

BENCHMARK(memcpy_in_and_out)->RangeMultiplier(4)->Range(64, 4096)->Arg(8192);
BENCHMARK(ring_in_batches)->RangeMultiplier(4)->Range(64, 4096)->Arg(8192);
BENCHMARK(ring_one_by_one)->RangeMultiplier(4)->Range(64, 4096)->Arg(8192);
BENCHMARK(ring_between_threads)->RangeMultiplier(4)->Range(64, 4096)->Arg(8192)->UseRealTime();

}  // namespace
}  // namespace hvis

BENCHMARK_MAIN();
