#include "vm/boot/reset_vector.h"

#include <array>

#include "vm/boot/layout.h"
#include "vm/ports.h"

namespace hvis::vm {

Result<void> write_reset_vector(GuestMemory& memory) {
    constexpr auto code = std::to_array<uint8_t>({
        0xba, kResetPort & 0xff, kResetPort >> 8,  // mov $kResetPort, %dx
        0xb0, kResetValue,                         // mov $kResetValue, %al
        0xee,                                      // out %al, %dx
        0xfa,                                      // cli
        0xf4,                                      // hlt
        0xeb, 0xfd,                                // jmp to the hlt
    });
    static_assert(code.size() <= kLowReservedEnd - kResetVectorAddress);
    return memory.write({kResetVectorAddress}, code);
}

}  // namespace hvis::vm
