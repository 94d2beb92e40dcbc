#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "vm/boot/image_source.h"
#include "vm/guest_memory.h"

namespace hvis::vm {

/// A kernel that has been put into guest RAM.
struct LoadedKernel {
    uint64_t entry = 0;             ///< 64-bit entry point
    uint64_t start = 0;             ///< first address it occupies while it starts
    uint64_t end = 0;               ///< first address after that
    uint64_t initrd_last = 0;       ///< highest address that the last byte of an initrd may have
    uint64_t command_line_max = 0;  ///< longest command line, without the final NUL
    /// The setup header as the zero page wants it, from offset kSetupHeaderOffset on.
    Bytes setup_header;
};

/// Where the setup header is in a bzImage and in the zero page.
inline constexpr uint64_t kSetupHeaderOffset = 0x1f1;

/// Kernels are loaded between here and the end of low RAM.
inline constexpr uint64_t kLowestKernelAddress = uint64_t{1} << 20;

/// Linux: Documentation/arch/x86/boot.rst. Needs boot protocol 2.12 (Linux 3.8) or newer, and a
/// 64-bit entry point.
Result<LoadedKernel> load_bzimage(GuestMemory& memory, uint64_t low_ram_end,
                                  const ImageSource& image);
[[nodiscard]] bool is_bzimage(const ImageSource& image);

/// An uncompressed x86-64 vmlinux: every PT_LOAD segment goes to its physical address.
Result<LoadedKernel> load_elf(GuestMemory& memory, uint64_t low_ram_end, const ImageSource& image);
[[nodiscard]] bool is_elf(const ImageSource& image);

/// Reads one little-endian value of a file.
template <class T>
Result<T> read_image(const ImageSource& image, uint64_t offset) {
    T value{};
    HVIS_CHECK(image.read_at(offset, std::as_writable_bytes(std::span(&value, 1))));
    return value;
}

}  // namespace hvis::vm
