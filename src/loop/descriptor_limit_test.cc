#include "loop/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace hvis::loop {
namespace {

TEST(DescriptorLimit, IsRaisedToWhatIsAllowed) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    raise_descriptor_limit();
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(limit.rlim_cur, limit.rlim_max);
}

}  // namespace
}  // namespace hvis::loop
