#include "vm/boot/fake_kernel.h"

#include <cstring>

#include <elf.h>

namespace hvis::vm {

Bytes make_bzimage(ByteView code) {
    constexpr size_t kSetup = 1024;
    constexpr size_t kEntry = 0x200;
    const size_t code_size = (kEntry + code.size() + 15) / 16 * 16;
    Bytes image(kSetup + code_size);
    poke<uint8_t>(image, 0x1f1, 1);  // setup sectors
    poke<uint32_t>(image, 0x1f4, static_cast<uint32_t>(code_size / 16));
    poke<uint16_t>(image, 0x1fe, 0xaa55);
    poke<uint8_t>(image, 0x200, 0xeb);  // jump over the header
    poke<uint8_t>(image, 0x201, 0x6a);
    poke<uint32_t>(image, 0x202, 0x53726448);
    poke<uint16_t>(image, 0x206, 0x020f);
    poke<uint32_t>(image, 0x22c, 0x7fff'ffff);  // highest initrd address
    poke<uint32_t>(image, 0x230, 0x20'0000);    // alignment
    poke<uint16_t>(image, 0x236, 1);            // 64-bit entry
    poke<uint32_t>(image, 0x238, 2047);         // command line
    poke<uint64_t>(image, 0x258, kFakeVmlinuxEntry);
    poke<uint32_t>(image, 0x260, 0x10'0000);  // memory to start in
    if (!code.empty()) {
        std::memcpy(image.data() + kSetup + kEntry, code.data(), code.size());
    }
    return image;
}

Bytes make_vmlinux(ByteView code) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_entry = kFakeVmlinuxEntry;
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_offset = sizeof(header) + sizeof(segment);
    segment.p_paddr = kFakeVmlinuxEntry;
    segment.p_filesz = code.size();
    segment.p_memsz = code.size() + 4096;
    Bytes image(sizeof(header) + sizeof(segment) + code.size());
    std::memcpy(image.data(), &header, sizeof(header));
    std::memcpy(image.data() + sizeof(header), &segment, sizeof(segment));
    if (!code.empty()) {
        std::memcpy(image.data() + segment.p_offset, code.data(), code.size());
    }
    return image;
}

}  // namespace hvis::vm
