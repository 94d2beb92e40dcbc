#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace hvis::vmbus {

/// Reads a fuzzer's input as a script: numbers that are zero once it has ended.
class FuzzScript {
public:
    FuzzScript(const unsigned char* data, size_t size)
        : bytes_(std::as_bytes(std::span(data, size))) {}

    [[nodiscard]] bool ended() const { return bytes_.empty(); }

    template <class T>
    T number() {
        T value = 0;
        const auto head = take(sizeof(T));
        std::memcpy(&value, head.data(), head.size());
        return value;
    }
    uint8_t byte() { return number<uint8_t>(); }
    /// Less than `count`, which is not 0.
    uint32_t below(uint32_t count) { return number<uint16_t>() % count; }
    /// At most `limit` bytes, after a 16-bit length.
    Bytes block(size_t limit) {
        const auto head = take(std::min<size_t>(number<uint16_t>(), limit));
        return {head.begin(), head.end()};
    }

private:
    ByteView take(size_t count) {
        const auto head = bytes_.first(std::min(count, bytes_.size()));
        bytes_ = bytes_.subspan(head.size());
        return head;
    }

    ByteView bytes_;
};

/// Stops the fuzzer: what `holds` says must be so whatever the input.
inline void require(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

}  // namespace hvis::vmbus
