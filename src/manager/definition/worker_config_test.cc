#include "manager/definition/worker_config.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

TEST(WorkerConfig, LeavesOutWhatIsTheManagersOwnAndWhatIsNotThere) {
    const auto definition = parse_definition({{"name", "web"},
                                              {"memory", "512M"},
                                              {"kernel", "/boot/vmlinuz"},
                                              {"description", "front"}});
    ASSERT_TRUE(definition);
    const control::Json json = worker_config(
        *definition, {.external = {{.key = "role", .value = "web"}}, .parameters = {}},
        {.control = "/c", .serial_socket = "/s", .serial_log = "/l", .last_words = "/w"});
    for (const char* name :
         {"description", "autostart", "restart", "initrd", "append", "partition"}) {
        EXPECT_FALSE(json.contains(name)) << name;
    }
    EXPECT_EQ(json.at("kernel"), "/boot/vmlinuz");
    EXPECT_EQ(json.at("serial"), (control::Json{{"socket", "/s"}, {"log", "/l"}}));
    EXPECT_EQ(json.at("kvp").at("external"), (control::Json{{"role", "web"}}));
}

}  // namespace
}  // namespace hvis::manager
