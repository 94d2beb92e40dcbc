#include "vm/boot/linux.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "vm/boot/kernel_image.h"
#include "vm/boot/layout.h"
#include "vm/boot/reset_vector.h"
#include "vm/boot/start_tables.h"

namespace hvis::vm {
namespace {

/// The zero page, struct boot_params. Linux: arch/x86/include/uapi/asm/bootparam.h.
class ZeroPage {
public:
    template <class T>
    void put(size_t offset, T value) {
        static_assert(std::is_unsigned_v<T>);
        std::memcpy(bytes_.data() + offset, &value, sizeof(T));
    }
    void put_bytes(size_t offset, ByteView bytes) {
        std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
    }
    void add_e820(uint64_t start, uint64_t size, uint32_t type) {
        constexpr size_t kTable = 0x2d0;
        constexpr size_t kEntrySize = 20;
        constexpr size_t kCount = 0x1e8;
        const size_t entry = kTable + e820_entries_ * kEntrySize;
        put(entry, start);
        put(entry + 8, size);
        put(entry + 16, type);
        put(kCount, static_cast<uint8_t>(++e820_entries_));
    }
    [[nodiscard]] const std::array<std::byte, kPageSize>& bytes() const { return bytes_; }

private:
    std::array<std::byte, kPageSize> bytes_{};
    size_t e820_entries_ = 0;
};

constexpr uint32_t kE820Ram = 1;
constexpr uint32_t kE820Reserved = 2;

constexpr size_t kRsdpAddress = 0x070;
constexpr size_t kExtInitrdAddress = 0x0c0;
constexpr size_t kExtInitrdSize = 0x0c4;
constexpr size_t kExtCommandLine = 0x0c8;
constexpr size_t kLoaderType = 0x210;
constexpr size_t kInitrdAddress = 0x218;
constexpr size_t kInitrdSize = 0x21c;
constexpr size_t kCommandLine = 0x228;
/// boot.rst: a loader without an assigned number.
constexpr uint8_t kUnknownLoader = 0xff;

struct Initrd {
    uint64_t address = 0;
    uint64_t size = 0;
};

/// As high as kernel and RAM allow, so that the kernel can grow below it.
Result<Initrd> load_initrd(GuestMemory& memory, uint64_t low_ram_end, const LoadedKernel& kernel,
                           const ImageSource& image) {
    const uint64_t size = image.size();
    const uint64_t end = std::min(low_ram_end, kernel.initrd_last + 1);
    if (size == 0) {
        return fail(Errc::kInvalid, "initrd: the file is empty");
    }
    if (size > end || (end - size) / kPageSize * kPageSize < kernel.end) {
        return fail(Errc::kLimit, "initrd: does not fit into the memory of the virtual machine");
    }
    const uint64_t address = (end - size) / kPageSize * kPageSize;
    std::byte* target = HVIS_TRY(memory.range({address}, size));
    HVIS_CHECK(image.read_at(0, {target, size}));
    return Initrd{address, size};
}

Result<void> write_command_line(GuestMemory& memory, const LoadedKernel& kernel,
                                const std::string& text) {
    if (text.size() > std::min(kernel.command_line_max, kCommandLineRoom - 1)) {
        return fail(Errc::kLimit, "the kernel command line is too long for this kernel");
    }
    if (text.find('\0') != std::string::npos) {
        return fail(Errc::kInvalid, "the kernel command line has a NUL in it");
    }
    return memory.copy_in({kCommandLineAddress},
                          std::as_bytes(std::span(text.c_str(), text.size() + 1)));
}

void put_memory_map(ZeroPage& page, const MemoryMap& map) {
    const uint64_t low_end = map.ram.front().size;
    page.add_e820(0, kLowReservedStart, kE820Ram);
    page.add_e820(kLowReservedStart, kLowReservedEnd - kLowReservedStart, kE820Reserved);
    page.add_e820(kLowReservedEnd, low_end - kLowReservedEnd, kE820Ram);
    for (size_t i = 1; i < map.ram.size(); ++i) {
        page.add_e820(map.ram[i].start.value, map.ram[i].size, kE820Ram);
    }
}

Result<LoadedKernel> load_kernel(GuestMemory& memory, uint64_t low_ram_end,
                                 const ImageSource& image) {
    if (!is_elf(image) && !is_bzimage(image)) {
        return fail(Errc::kInvalid, "kernel: neither a bzImage nor an ELF file");
    }
    auto kernel = is_elf(image) ? load_elf(memory, low_ram_end, image)
                                : load_bzimage(memory, low_ram_end, image);
    if (!kernel && kernel.error().code == Errc::kNotFound) {
        return fail(Errc::kInvalid, "kernel: the file is cut short");
    }
    return kernel;
}

}  // namespace

Result<InitialState> load_linux(GuestMemory& memory, const MemoryMap& map, const LinuxBoot& boot) {
    const uint64_t low_ram_end = map.ram.front().size;
    const LoadedKernel kernel = HVIS_TRY(load_kernel(memory, low_ram_end, boot.kernel));
    Initrd initrd;
    if (boot.initrd != nullptr) {
        initrd = HVIS_TRY(load_initrd(memory, low_ram_end, kernel, *boot.initrd));
    }
    HVIS_CHECK(write_command_line(memory, kernel, boot.command_line));
    HVIS_CHECK(write_start_tables(memory));
    HVIS_CHECK(write_reset_vector(memory));

    ZeroPage page;
    page.put_bytes(kSetupHeaderOffset, kernel.setup_header);
    page.put(kRsdpAddress, boot.rsdp.value);
    page.put(kLoaderType, kUnknownLoader);
    page.put(kInitrdAddress, static_cast<uint32_t>(initrd.address));
    page.put(kExtInitrdAddress, static_cast<uint32_t>(initrd.address >> 32));
    page.put(kInitrdSize, static_cast<uint32_t>(initrd.size));
    page.put(kExtInitrdSize, static_cast<uint32_t>(initrd.size >> 32));
    page.put(kCommandLine, static_cast<uint32_t>(kCommandLineAddress));
    page.put(kExtCommandLine, uint32_t{0});
    put_memory_map(page, map);
    HVIS_CHECK(memory.write({kBootParamsAddress}, page.bytes()));

    return InitialState{.entry = kernel.entry,
                        .boot_params = kBootParamsAddress,
                        .page_tables = kPageTablesAddress,
                        .gdt = kGdtAddress,
                        .gdt_limit = kGdtLimit,
                        .stack = kStackTop};
}

}  // namespace hvis::vm
