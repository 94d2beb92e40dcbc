#include "manager/api/transfer_sums.h"

#include <gmock/gmock.h>

namespace hvis::manager {
namespace {

using ::testing::HasSubstr;

const SummedFile kManifest{.name = "manifest.json", .sha256 = sha256("{}")};
const SummedFile kKernel{.name = "kernel", .sha256 = sha256("MZ")};

TEST(TransferSums, AreWrittenAsSha256sumWritesThem) {
    EXPECT_EQ(sums_text({{.name = "empty", .sha256 = sha256("")}}),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n");
}

TEST(TransferSums, ComeBack) {
    const std::vector<SummedFile> files = {kManifest, kKernel};
    EXPECT_EQ(parse_sums(sums_text(files)), files);
    EXPECT_EQ(parse_sums(hex_text(kKernel.sha256) + " *kernel\n"), std::vector{kKernel});
}

TEST(TransferSums, AreRefusedWhereTheyAreCut) {
    const std::string text = sums_text({kKernel, kManifest});
    const size_t first = sums_text({kKernel}).size();
    for (size_t length = 1; length < text.size(); ++length) {
        EXPECT_EQ(parse_sums(text.substr(0, length)).has_value(), length == first) << length;
    }
    EXPECT_FALSE(parse_sums(sums_text({kKernel, kKernel}))) << "one name twice";
    EXPECT_FALSE(parse_sums("\\" + sums_text({kKernel}))) << "an escaped name";
}

TEST(TransferSums, CoverEachFile) {
    EXPECT_TRUE(check_sum({kManifest, kKernel}, kKernel));
    EXPECT_THAT(check_sum({kManifest}, kKernel).error().message, HasSubstr("not in SHA256SUMS"));
    SummedFile other = kKernel;
    other.sha256 = sha256("ELF");
    EXPECT_THAT(check_sum({kKernel}, other).error().message, HasSubstr("not what SHA256SUMS says"));
}

}  // namespace
}  // namespace hvis::manager
