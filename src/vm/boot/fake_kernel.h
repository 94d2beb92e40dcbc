#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace hvis::vm {

/// The smallest bzImage that a loader must accept: one setup sector, `code` as its 64-bit entry.
Bytes make_bzimage(ByteView code);

/// An ELF vmlinux with one segment: `code` at 16 MiB, which is also the entry.
Bytes make_vmlinux(ByteView code);

/// Where both of them put the first byte of `code`.
inline constexpr uint64_t kFakeVmlinuxEntry = 0x100'0000;
inline constexpr uint64_t kFakeBzimageEntry = kFakeVmlinuxEntry + 0x200;

/// Overwrites a little-endian field of an image.
template <class T>
void poke(Bytes& image, size_t offset, T value) {
    for (size_t i = 0; i < sizeof(T); ++i) {
        image[offset + i] = static_cast<std::byte>(static_cast<uint64_t>(value) >> (8 * i));
    }
}

}  // namespace hvis::vm
