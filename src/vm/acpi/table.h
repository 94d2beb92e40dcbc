#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"

namespace hvis::vm {

/// An ACPI system description table while it is built. ACPI 6.5, 5.2.6.
class AcpiTable {
public:
    static constexpr size_t kHeaderSize = 36;

    /// `size` covers header and fixed part. `signature` has four characters.
    AcpiTable(std::string_view signature, uint8_t revision, size_t size);

    template <class T>
    void put(size_t offset, T value) {
        static_assert(std::is_unsigned_v<T>);
        std::memcpy(bytes_.data() + offset, &value, sizeof(T));
    }
    /// Adds to the end.
    template <class T>
    void append(T value) {
        bytes_.resize(bytes_.size() + sizeof(T));
        put(bytes_.size() - sizeof(T), value);
    }
    /// The whole table, its length and checksum filled in.
    [[nodiscard]] const Bytes& finish();

private:
    Bytes bytes_;
};

/// The value that makes all bytes, this one included, add up to 0; the byte itself must be 0.
[[nodiscard]] uint8_t acpi_checksum(ByteView bytes);

}  // namespace hvis::vm
