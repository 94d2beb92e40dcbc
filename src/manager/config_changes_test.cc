#include "manager/config_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::manager {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kHook = R"([[hook]]
name = "mail"
command = ["/bin/true"]
)";

Config config(std::string_view text) {
    const auto parsed = parse_config(text, "hvisd.toml", {});
    EXPECT_TRUE(parsed) << parsed.error();
    return parsed.value_or(Config{});
}

TEST(ConfigChanges, NameEveryTableButTheRoles) {
    const Config running = config("");
    EXPECT_THAT(changes_for_restart(running, config("[roles]\nusers = { 1005 = \"viewer\" }")),
                IsEmpty());
    EXPECT_THAT(changes_for_restart(running, config("[directories]\nstate = \"/srv/hvis\"")),
                ElementsAre("[directories]"));
    EXPECT_THAT(changes_for_restart(running, config("[workers]\nlauncher = \"child\"")),
                ElementsAre("[workers]"));
    EXPECT_THAT(changes_for_restart(running, config("[store]\nmax_size = \"1G\"")),
                ElementsAre("[store]"));
    EXPECT_THAT(
        changes_for_restart(running, config("[events]\nkeep = 5000\n[socket]\nmode = 0o600")),
        ElementsAre("[events]", "[socket]"));
    EXPECT_THAT(changes_for_restart(running, config("[listen]\naddress = \"[::]:8443\"\n"
                                                    "certificate = \"/c\"\nkey = \"/k\"")),
                ElementsAre("[listen]"));
    EXPECT_THAT(changes_for_restart(running, config(kHook)),
                ElementsAre("[[webhook]] and [[hook]]"));
    EXPECT_THAT(changes_for_restart(config(kHook), config(kHook)), IsEmpty());
}

}  // namespace
}  // namespace hvis::manager
