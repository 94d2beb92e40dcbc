#include "base/shared_copy.h"

#include <array>

#include <gtest/gtest.h>

namespace hvis {
namespace {

TEST(SharedCopy, CopiesBytesAndNothingForNone) {
    const std::array<std::byte, 4> from = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    std::array<std::byte, 4> to{};
    copy_from_shared(to.data(), from.data(), 3);
    EXPECT_EQ(to, (std::array<std::byte, 4>{std::byte{1}, std::byte{2}, std::byte{3}}));
    copy_from_shared(nullptr, nullptr, 0);
}

}  // namespace
}  // namespace hvis
