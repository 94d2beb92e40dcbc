#include "manager/definition/missing_files.h"

#include <gmock/gmock.h>

namespace hvis::manager {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MissingFiles, NamesEachThatCannotBeRead) {
    VmDefinition definition;
    EXPECT_THAT(missing_files(definition), IsEmpty());
    definition.kernel = "/bin/sh";
    definition.initrd = "/no/such/initrd";
    EXPECT_THAT(
        missing_files(definition),
        ElementsAre("the initrd /no/such/initrd cannot be read: No such file or directory"));
    definition.partition = PartitionKind::kLoopback;
    EXPECT_THAT(missing_files(definition), IsEmpty()) << "a loopback machine needs none";
}

}  // namespace
}  // namespace hvis::manager
