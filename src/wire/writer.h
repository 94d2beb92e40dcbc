#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "base/bytes.h"

namespace hvis::wire {

/// Appends wire structs to a buffer of our own.
class Writer {
public:
    explicit Writer(Bytes& out) : out_(out) {}

    /// T is a wire struct or an unsigned integer without padding.
    template <class T>
    void put(const T& value) {
        static_assert(std::is_trivially_copyable_v<T> &&
                      std::has_unique_object_representations_v<T>);
        const size_t offset = out_.size();
        out_.resize(offset + sizeof(T));
        std::memcpy(out_.data() + offset, &value, sizeof(T));
    }
    void put_bytes(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
    void put_zeros(size_t count) { out_.resize(out_.size() + count); }
    /// Zeros up to the next multiple of `alignment` of the whole buffer.
    void align(size_t alignment) {
        out_.resize((out_.size() + alignment - 1) / alignment * alignment);
    }

private:
    Bytes& out_;
};

}  // namespace hvis::wire
