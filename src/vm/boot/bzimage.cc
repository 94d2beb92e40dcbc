#include <algorithm>
#include <bit>
#include <cstring>

#include "vm/boot/kernel_image.h"

namespace hvis::vm {
namespace {

// Offsets in the file. Linux: Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
constexpr uint64_t kSetupSectors = 0x1f1;
constexpr uint64_t kCodeSize16 = 0x1f4;  // of the code, in 16-byte units
constexpr uint64_t kJumpDistance = 0x201;
constexpr uint64_t kMagic = 0x202;
constexpr uint64_t kVersion = 0x206;
constexpr uint64_t kInitrdAddrMax = 0x22c;
constexpr uint64_t kKernelAlignment = 0x230;
constexpr uint64_t kXloadFlags = 0x236;
constexpr uint64_t kCommandLineSize = 0x238;
constexpr uint64_t kPreferredAddress = 0x258;
constexpr uint64_t kInitSize = 0x260;
/// The last field that we use ends here.
constexpr uint64_t kHeaderEnd = 0x264;

constexpr uint32_t kMagicValue = 0x53726448;  // "HdrS"
constexpr uint16_t kMinVersion = 0x020c;
constexpr uint16_t kXlfKernel64 = 1;
constexpr uint64_t kSectorSize = 512;
/// From the start of the protected-mode code to its 64-bit entry point.
constexpr uint64_t kEntry64 = 0x200;
/// The header must not reach the zero page's EDD buffer.
constexpr uint64_t kMaxHeaderEnd = 0x290;

/// The header's bytes in a private copy, and its fields from that copy.
class SetupHeader {
public:
    static Result<SetupHeader> read(const ImageSource& image) {
        SetupHeader header;
        const auto distance = HVIS_TRY(read_image<uint8_t>(image, kJumpDistance));
        const uint64_t end = kMagic + distance;
        if (end < kHeaderEnd || end > kMaxHeaderEnd) {
            return fail(Errc::kInvalid, "kernel: the setup header has an impossible length");
        }
        header.bytes_.resize(end - kSetupHeaderOffset);
        HVIS_CHECK(image.read_at(kSetupHeaderOffset, header.bytes_));
        return header;
    }

    template <class T>
    [[nodiscard]] T field(uint64_t offset) const {
        T value;
        std::memcpy(&value, bytes_.data() + (offset - kSetupHeaderOffset), sizeof(T));
        return value;
    }
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }

private:
    Bytes bytes_;
};

Result<void> check(const SetupHeader& header) {
    if (header.field<uint32_t>(kMagic) != kMagicValue) {
        return fail(Errc::kInvalid, "kernel: not a bzImage");
    }
    if (header.field<uint16_t>(kVersion) < kMinVersion) {
        return fail(Errc::kUnsupported, "kernel: older than boot protocol 2.12 (Linux 3.8)");
    }
    if ((header.field<uint16_t>(kXloadFlags) & kXlfKernel64) == 0) {
        return fail(Errc::kUnsupported, "kernel: has no 64-bit entry point");
    }
    if (!std::has_single_bit(header.field<uint32_t>(kKernelAlignment))) {
        return fail(Errc::kInvalid, "kernel: the alignment is not a power of two");
    }
    return {};
}

}  // namespace

bool is_bzimage(const ImageSource& image) {
    const auto magic = read_image<uint32_t>(image, kMagic);
    return magic && *magic == kMagicValue;
}

Result<LoadedKernel> load_bzimage(GuestMemory& memory, uint64_t low_ram_end,
                                  const ImageSource& image) {
    const SetupHeader header = HVIS_TRY(SetupHeader::read(image));
    HVIS_CHECK(check(header));

    // boot.rst: 0 setup sectors means 4.
    const auto sectors = header.field<uint8_t>(kSetupSectors);
    const uint64_t offset = (sectors == 0 ? 4 + 1 : sectors + uint64_t{1}) * kSectorSize;
    if (offset >= image.size()) {
        return fail(Errc::kInvalid, "kernel: the file ends before its code");
    }
    const uint64_t code_size = image.size() - offset;
    const uint64_t told_size = header.field<uint32_t>(kCodeSize16) * uint64_t{16};
    if (told_size <= kEntry64) {
        return fail(Errc::kInvalid, "kernel: the code ends before its 64-bit entry point");
    }
    // A signature may follow the code, so the file may be longer.
    if (code_size < told_size) {
        return fail(Errc::kInvalid, "kernel: the file is cut short: its header tells of more code");
    }
    const uint64_t occupied = std::max<uint64_t>(code_size, header.field<uint32_t>(kInitSize));

    const uint64_t alignment = header.field<uint32_t>(kKernelAlignment);
    const uint64_t preferred = header.field<uint64_t>(kPreferredAddress);
    if (preferred < kLowestKernelAddress || preferred % alignment != 0) {
        return fail(Errc::kInvalid, "kernel: the preferred load address is wrong");
    }
    if (preferred > low_ram_end || occupied > low_ram_end - preferred) {
        return fail(Errc::kLimit, "kernel: does not fit into the memory of the virtual machine");
    }
    std::byte* target = HVIS_TRY(memory.range({preferred}, occupied));
    HVIS_CHECK(image.read_at(offset, {target, code_size}));

    return LoadedKernel{.entry = preferred + kEntry64,
                        .start = preferred,
                        .end = preferred + occupied,
                        .initrd_last = header.field<uint32_t>(kInitrdAddrMax),
                        .command_line_max = header.field<uint32_t>(kCommandLineSize),
                        .setup_header = header.bytes()};
}

}  // namespace hvis::vm
