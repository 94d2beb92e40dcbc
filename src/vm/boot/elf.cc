#include <algorithm>
#include <array>
#include <cstring>

#include <elf.h>

#include "vm/boot/kernel_image.h"

namespace hvis::vm {
namespace {

constexpr uint16_t kMaxProgramHeaders = 64;
/// COMMAND_LINE_SIZE of x86, less the final NUL; a vmlinux does not say.
constexpr uint64_t kCommandLineMax = 2047;
constexpr uint64_t kInitrdLast = 0x7fff'ffff;

Result<Elf64_Ehdr> read_header(const ImageSource& image) {
    const auto header = HVIS_TRY(read_image<Elf64_Ehdr>(image, 0));
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != EM_X86_64) {
        return fail(Errc::kInvalid, "kernel: not an ELF file for x86-64");
    }
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
        return fail(Errc::kInvalid, "kernel: not an executable ELF file");
    }
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
        header.e_phnum > kMaxProgramHeaders) {
        return fail(Errc::kInvalid, "kernel: the ELF program headers are wrong");
    }
    if (header.e_phoff > image.size() ||
        header.e_phnum * sizeof(Elf64_Phdr) > image.size() - header.e_phoff) {
        return fail(Errc::kInvalid, "kernel: the ELF program headers are beyond the file");
    }
    return header;
}

/// Puts one segment into RAM and widens the kernel's range by it.
Result<void> load_segment(GuestMemory& memory, uint64_t low_ram_end, const ImageSource& image,
                          const Elf64_Phdr& segment, LoadedKernel& kernel) {
    if (segment.p_filesz > segment.p_memsz) {
        return fail(Errc::kInvalid, "kernel: an ELF segment is longer than its memory");
    }
    if (segment.p_paddr < kLowestKernelAddress) {
        return fail(Errc::kInvalid, "kernel: an ELF segment wants memory below 1 MiB");
    }
    if (segment.p_paddr > low_ram_end || segment.p_memsz > low_ram_end - segment.p_paddr) {
        return fail(Errc::kLimit, "kernel: does not fit into the memory of the virtual machine");
    }
    std::byte* target = HVIS_TRY(memory.range({segment.p_paddr}, segment.p_memsz));
    HVIS_CHECK(image.read_at(segment.p_offset, {target, segment.p_filesz}));
    kernel.start = std::min(kernel.start, segment.p_paddr);
    kernel.end = std::max(kernel.end, segment.p_paddr + segment.p_memsz);
    return {};
}

/// The header that a bzImage would have brought along, as far as the kernel reads it.
Bytes synthetic_setup_header() {
    constexpr uint64_t kEnd = 0x240;
    Bytes header(kEnd - kSetupHeaderOffset);
    const auto put = [&](uint64_t offset, const auto& value) {
        std::memcpy(header.data() + (offset - kSetupHeaderOffset), &value, sizeof(value));
    };
    put(0x1fe, uint16_t{0xaa55});
    put(0x202, uint32_t{0x53726448});
    put(0x206, uint16_t{0x020c});
    put(0x230, uint32_t{0x0100'0000});
    return header;
}

}  // namespace

bool is_elf(const ImageSource& image) {
    const auto magic = read_image<std::array<char, SELFMAG>>(image, 0);
    return magic && std::memcmp(magic->data(), ELFMAG, SELFMAG) == 0;
}

Result<LoadedKernel> load_elf(GuestMemory& memory, uint64_t low_ram_end, const ImageSource& image) {
    const auto header = HVIS_TRY(read_header(image));
    LoadedKernel kernel{.entry = header.e_entry,
                        .start = low_ram_end,
                        .end = 0,
                        .initrd_last = kInitrdLast,
                        .command_line_max = kCommandLineMax,
                        .setup_header = synthetic_setup_header()};
    for (uint16_t i = 0; i < header.e_phnum; ++i) {
        const uint64_t offset = header.e_phoff + i * sizeof(Elf64_Phdr);
        const auto segment = HVIS_TRY(read_image<Elf64_Phdr>(image, offset));
        if (segment.p_type == PT_LOAD && segment.p_memsz != 0) {
            HVIS_CHECK(load_segment(memory, low_ram_end, image, segment, kernel));
        }
    }
    if (kernel.entry < kernel.start || kernel.entry >= kernel.end) {
        return fail(Errc::kInvalid, "kernel: the ELF entry point is outside its segments");
    }
    return kernel;
}

}  // namespace hvis::vm
