#include "manager/definition/worker_config.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/service_versions.h"
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

TEST(WorkerConfig, HasEveryLimitOfAVersionThatAWorkerTakes) {
    const VmDefinition plain =
        *parse_definition({{"name", "web"}, {"memory", "512M"}, {"kernel", "/boot/vmlinuz"}});
    const auto taken = [&](size_t index, const std::string& version) {
        VmDefinition capped = plain;
        capped.services[index] = false;
        capped.service_versions[index] = version;
        return worker::parse_config(control::dump_json(worker_config(
            capped, {}, {.control = "/c", .serial_socket = "/s", .last_words = "/w"})));
    };
    for (size_t index = 0; index < control::kServiceWords.size(); ++index) {
        std::string words;
        for (const auto word : control::version_words(static_cast<control::Service>(index))) {
            const auto config = taken(index, std::string(word));
            ASSERT_TRUE(config) << config.error().to_string();
            const std::array all = {&config->services.heartbeat, &config->services.shutdown,
                                    &config->services.timesync, &config->services.kvp};
            EXPECT_FALSE(all.at(index)->enabled);
            ASSERT_TRUE(all.at(index)->max_version);
            EXPECT_EQ(word, std::to_string(all.at(index)->max_version->major) + "." +
                                std::to_string(all.at(index)->max_version->minor));
            words += (words.empty() ? "" : ", ") + std::string(word);
        }
        EXPECT_EQ(taken(index, "0.1").error().to_string(),
                  "/services/" + std::string(control::kServiceWords.at(index)) +
                      "/max_version: expected one of " + words)
            << "no more than those";
    }
}

}  // namespace
}  // namespace hvis::manager
