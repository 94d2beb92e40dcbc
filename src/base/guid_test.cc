#include "base/guid.h"

#include <gtest/gtest.h>

namespace hvis {
namespace {

constexpr std::string_view kShutdown = "0e0b6031-5213-4934-818b-38d90ced39db";

TEST(Guid, StoresTheFirstThreeFieldsLittleEndian) {
    const Guid guid = "0e0b6031-5213-4934-818b-38d90ced39db"_guid;
    EXPECT_EQ(guid.bytes[0], 0x31);
    EXPECT_EQ(guid.bytes[3], 0x0e);
    EXPECT_EQ(guid.bytes[4], 0x13);
    EXPECT_EQ(guid.bytes[8], 0x81);
    EXPECT_EQ(guid.bytes[15], 0xdb);
}

TEST(Guid, ReadsWhatItWrites) {
    const auto guid = Guid::parse(kShutdown);
    ASSERT_TRUE(guid);
    EXPECT_EQ(guid->to_string(), kShutdown);
    EXPECT_EQ(*Guid::parse("{0E0B6031-5213-4934-818B-38D90CED39DB}"), *guid);
}

TEST(Guid, MakesUpOthersEachTimeOfTheRandomKind) {
    const Guid one = *Guid::random();
    EXPECT_NE(one, *Guid::random());
    EXPECT_EQ(one.to_string()[14], '4');
    EXPECT_NE(std::string_view("89ab").find(one.to_string()[19]), std::string_view::npos);
}

TEST(Guid, RefusesEveryPrefixAndStrayCharacters) {
    for (size_t length = 0; length < kShutdown.size(); ++length) {
        EXPECT_FALSE(Guid::parse(kShutdown.substr(0, length))) << length;
    }
    EXPECT_FALSE(Guid::parse("0e0b6031-5213-4934-818b-38d90ced39dg"));
    EXPECT_FALSE(Guid::parse("0e0b6031x5213-4934-818b-38d90ced39db"));
    EXPECT_FALSE(Guid::parse("{0e0b6031-5213-4934-818b-38d90ced39db"));
}

}  // namespace
}  // namespace hvis
