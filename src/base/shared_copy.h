#pragma once

#include <cstddef>
#include <cstring>

namespace hvis {

/// Copies bytes out of memory that somebody else may write at any moment (a guest's), once.
///
/// A plain memcpy is not enough: the compiler may take it that nobody writes there in between, drop
/// the copy and read the original again after what it holds was checked. It must not carry anything
/// that it knows of memory over this barrier, so only the copy is left to it.
inline void copy_from_shared(void* to, const std::byte* from, size_t size) {
    if (size != 0) {
        std::memcpy(to, from, size);
    }
    asm volatile("" : : : "memory");
}

}  // namespace hvis
