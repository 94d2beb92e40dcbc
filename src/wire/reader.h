#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "base/bytes.h"
#include "base/result.h"

namespace hvis::wire {

/// Walks a private copy of a packet from front to back.
///
/// The bytes must already be out of shared memory (see vm::GuestMemory::copy_out): the reader may
/// look at a field twice, so nobody else may be able to change it in between.
class Reader {
public:
    explicit Reader(ByteView bytes) : bytes_(bytes) {}

    /// Copies the next sizeof(T) bytes out; T is a wire struct or an unsigned integer.
    template <class T>
    Result<T> take() {
        static_assert(std::is_trivially_copyable_v<T> &&
                      std::has_unique_object_representations_v<T>);
        if (bytes_.size() < sizeof(T)) {
            return fail(Errc::kProtocol, "packet too short");
        }
        T value;
        std::memcpy(&value, bytes_.data(), sizeof(T));
        bytes_ = bytes_.subspan(sizeof(T));
        return value;
    }

    Result<ByteView> take_bytes(size_t count) {
        if (bytes_.size() < count) {
            return fail(Errc::kProtocol, "packet too short");
        }
        const auto head = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return head;
    }

    /// Everything not taken yet.
    [[nodiscard]] ByteView rest() const { return bytes_; }
    [[nodiscard]] size_t remaining() const { return bytes_.size(); }

private:
    ByteView bytes_;
};

}  // namespace hvis::wire
