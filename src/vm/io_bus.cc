#include "vm/io_bus.h"

#include <algorithm>

namespace hvis::vm {

Result<void> IoBus::attach(Ranges& ranges, Range range) {
    if (range.size == 0 || range.first + range.size < range.first) {
        return fail(Errc::kInvalid, "I/O range is empty or wraps");
    }
    if (ranges.size() >= kMaxRanges) {
        return fail(Errc::kLimit, "too many I/O ranges");
    }
    const auto next = std::ranges::upper_bound(ranges, range.first, std::less{},
                                               [](const Range& r) { return r.first; });
    const bool hits_next = next != ranges.end() && next->first - range.first < range.size;
    const bool hits_previous =
        next != ranges.begin() && range.first - std::prev(next)->first < std::prev(next)->size;
    if (hits_next || hits_previous) {
        return fail(Errc::kInvalid, "I/O ranges overlap");
    }
    ranges.insert(next, range);
    return {};
}

Result<void> IoBus::attach_ports(uint16_t first, uint16_t count, IoHandler& handler) {
    HVIS_CHECK(attach(ports_, {first, count, &handler}));
    handlers_.push_back(&handler);
    return {};
}

Result<void> IoBus::attach_memory(GuestAddress first, uint64_t size, IoHandler& handler) {
    HVIS_CHECK(attach(memory_, {first.value, size, &handler}));
    handlers_.push_back(&handler);
    return {};
}

namespace {

/// The range that holds all of [address, address + size), or null.
template <class Ranges>
auto find(const Ranges& ranges, uint64_t address, size_t size) -> decltype(ranges.data()) {
    auto next = std::ranges::upper_bound(ranges, address, std::less{},
                                         [](const auto& r) { return r.first; });
    if (next == ranges.begin()) {
        return nullptr;
    }
    --next;
    const uint64_t offset = address - next->first;
    return offset < next->size && size <= next->size - offset ? &*next : nullptr;
}

}  // namespace

void IoBus::read(const Ranges& ranges, uint64_t address, MutableByteView data) {
    const auto* range = find(ranges, address, data.size());
    if (range == nullptr) {
        std::ranges::fill(data, std::byte{0xff});
        unclaimed_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    range->handler->read(address - range->first, data);
}

void IoBus::write(const Ranges& ranges, uint64_t address, ByteView data) {
    const auto* range = find(ranges, address, data.size());
    if (range == nullptr) {
        unclaimed_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    range->handler->write(address - range->first, data);
}

void IoBus::read_port(uint16_t port, MutableByteView data) { read(ports_, port, data); }
void IoBus::write_port(uint16_t port, ByteView data) { write(ports_, port, data); }
void IoBus::read_memory(GuestAddress address, MutableByteView data) {
    read(memory_, address.value, data);
}
void IoBus::write_memory(GuestAddress address, ByteView data) {
    write(memory_, address.value, data);
}

void IoBus::reset() {
    for (size_t i = 0; i < handlers_.size(); ++i) {
        const auto seen = handlers_.begin() + static_cast<ptrdiff_t>(i);
        if (std::find(handlers_.begin(), seen, handlers_[i]) == seen) {
            handlers_[i]->reset();
        }
    }
}

}  // namespace hvis::vm
