#include <cstddef>
#include <cstdint>

#include "vm/boot/linux.h"

// Any bytes as a kernel, and as an initrd beside it: loading fails or stays inside guest RAM.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace hvis::vm;
    static const MemoryMap map = *MemoryMap::plan(MemoryMap::kMinRam);
    static GuestMemory memory = std::move(*GuestMemory::create(map.ram, "fuzz"));
    const BytesImage image(std::as_bytes(std::span(data, size)));
    (void)load_linux(memory, map,
                     {.kernel = image, .initrd = &image, .command_line = "quiet", .rsdp = {}});
    return 0;
}
