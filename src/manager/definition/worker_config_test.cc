#include "manager/definition/worker_config.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "worker/config.h"

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
        {.control = "/c", .serial_socket = "/s", .last_words = "/w"});
    for (const char* name :
         {"description", "autostart", "restart", "initrd", "append", "partition"}) {
        EXPECT_FALSE(json.contains(name)) << name;
    }
    EXPECT_EQ(json.at("kernel"), "/boot/vmlinuz");
    EXPECT_EQ(json.at("serial"), (control::Json{{"socket", "/s"}}));
    EXPECT_EQ(json.at("kvp").at("external"), (control::Json{{"role", "web"}}));
}

TEST(WorkerConfig, IsOneThatTheWorkerTakes) {
    const auto definition =
        parse_definition({{"name", "web"}, {"memory", "512M"}, {"kernel", "/boot/vmlinuz"}});
    ASSERT_TRUE(definition);
    const control::Json json = worker_config(
        *definition, {}, {.control = "/c", .serial_socket = "/s", .last_words = "/w"});
    const auto config = worker::parse_config(control::dump_json(json));
    ASSERT_TRUE(config) << config.error().to_string();
    EXPECT_EQ(config->name, "web");
    EXPECT_EQ(config->last_words, "/w");
}

}  // namespace
}  // namespace hvis::manager
