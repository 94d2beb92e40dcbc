#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "vmbus/ring_memory.h"
#include "vmbus/ring_reader.h"
#include "vmbus/ring_writer.h"

namespace hvis::vmbus {

/// A ring in ordinary memory, for tests and benchmarks: pages in one run, or each somewhere else.
/// Nothing but the ring is in its allocations, so that the sanitizer sees a step outside.
class FakeRing {
public:
    enum class Layout : uint8_t { kContiguous, kScattered };

    explicit FakeRing(size_t data_pages, Layout layout = Layout::kContiguous) {
        control_ = allocate(1);
        if (layout == Layout::kContiguous) {
            std::byte* const data = allocate(data_pages);
            for (size_t page = 0; page < data_pages; ++page) {
                pages_.push_back(data + page * wire::kRingPageSize);
            }
        } else {
            for (size_t page = 0; page < data_pages; ++page) {
                pages_.push_back(allocate(1));
            }
        }
        memory().initialize_control();
    }

    [[nodiscard]] RingMemory memory() const { return *RingMemory::create(control_, pages_); }
    [[nodiscard]] RingReader reader() const { return *RingReader::attach(memory()); }
    [[nodiscard]] RingWriter writer() const { return *RingWriter::attach(memory()); }

    [[nodiscard]] uint32_t load(size_t word) const { return memory().load_acquire(word); }
    void store(size_t word, uint32_t value) const { memory().store_release(word, value); }
    /// Both indices, as if the ring had been used before.
    void start_at(uint32_t index) const {
        store(wire::kRingWriteIndex, index);
        store(wire::kRingReadIndex, index);
    }
    /// Raw bytes at a place of the data, and the write index behind them: what a liar does.
    void forge(uint32_t offset, ByteView bytes, uint32_t write_index) const {
        memory().copy_in(offset, bytes);
        store(wire::kRingWriteIndex, write_index);
    }
    [[nodiscard]] uint32_t size() const { return memory().size(); }

private:
    static constexpr std::align_val_t kAlignment{wire::kRingPageSize};
    struct Free {
        void operator()(std::byte* memory) const { ::operator delete(memory, kAlignment); }
    };

    std::byte* allocate(size_t pages) {
        const size_t size = pages * wire::kRingPageSize;
        blocks_.emplace_back(static_cast<std::byte*>(::operator new(size, kAlignment)));
        std::memset(blocks_.back().get(), 0, size);
        return blocks_.back().get();
    }

    std::vector<std::unique_ptr<std::byte, Free>> blocks_;
    std::byte* control_ = nullptr;
    std::vector<std::byte*> pages_;
};

}  // namespace hvis::vmbus
