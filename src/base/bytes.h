#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hvis {

/// Bytes to read, owned by someone else.
using ByteView = std::span<const std::byte>;
/// Bytes to fill, owned by someone else.
using MutableByteView = std::span<std::byte>;
/// Bytes of our own.
using Bytes = std::vector<std::byte>;

}  // namespace hvis
