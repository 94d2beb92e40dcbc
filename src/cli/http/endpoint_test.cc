#include "cli/http/endpoint.h"

#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace hvis::cli {
namespace {

struct World {
    std::map<std::string, std::string> variables;
    std::set<std::string> files;
    bool root = false;

    [[nodiscard]] Surroundings surroundings() const {
        return {.variable =
                    [this](const char* name) {
                        const auto found = variables.find(name);
                        return found == variables.end() ? std::string() : found->second;
                    },
                .exists = [this](const std::string& path) { return files.contains(path); },
                .root = root};
    }
    [[nodiscard]] std::string found(const EndpointOptions& options) const {
        const auto endpoint = find_endpoint(options, surroundings());
        return endpoint ? to_string(*endpoint) : "failure: " + endpoint.error().message;
    }
};

EndpointOptions socket_option(const std::string& path) {
    EndpointOptions options;
    options.socket = path;
    return options;
}

EndpointOptions url_option(const std::string& url, const std::string& token_file = {}) {
    EndpointOptions options;
    options.url = url;
    options.token_file = token_file;
    return options;
}

World with_variables(std::map<std::string, std::string> variables) {
    World world;
    world.variables = std::move(variables);
    return world;
}

TEST(Endpoint, PrefersTheCommandLineThenTheEnvironment) {
    const World world = with_variables({{"HVIS_SOCKET", "/from/env"}});
    EXPECT_EQ(world.found(socket_option("/given")), "/given");
    EXPECT_EQ(world.found(url_option("https://far:1")), "https://far:1");
    EXPECT_EQ(world.found({}), "/from/env");
    const World both = with_variables({{"HVIS_URL", "https://far"}, {"HVIS_SOCKET", "/s"}});
    EXPECT_EQ(both.found({}), "https://far:443");
}

TEST(Endpoint, TakesTheUsersOwnSocketWhereItIs) {
    World world = with_variables({{"XDG_RUNTIME_DIR", "/run/user/7"}});
    EXPECT_EQ(world.found({}), "/run/user/7/hvis/hvisd.sock");
    world.files = {kSystemSocket};
    EXPECT_EQ(world.found({}), kSystemSocket);
    world.files.insert("/run/user/7/hvis/hvisd.sock");
    EXPECT_EQ(world.found({}), "/run/user/7/hvis/hvisd.sock");
    world.root = true;
    EXPECT_EQ(world.found({}), kSystemSocket);
    EXPECT_EQ(World{}.found({}), kSystemSocket);
}

TEST(Endpoint, ReadsUrls) {
    const World world;
    EXPECT_EQ(world.found(url_option("https://host.example.org")), "https://host.example.org:443");
    EXPECT_EQ(world.found(url_option("https://host:8443/")), "https://host:8443");
    EXPECT_EQ(world.found(url_option("https://[::1]:8443")), "https://[::1]:8443");
}

TEST(Endpoint, RefusesOtherUrls) {
    for (const char* url :
         {"http://host", "host:8443", "https://", "https://host:", "https://h:0", "https://h:70000",
          "https://h:8x", "https://user@h", "https://h/path", "https://[::1", "https://a b"}) {
        EXPECT_EQ(World{}.found(url_option(url)),
                  std::string("failure: not a URL of hvisd: ") + url);
    }
    EndpointOptions both = url_option("https://h");
    both.socket = "/s";
    EXPECT_EQ(World{}.found(both), "failure: --url and --socket are two places");
}

TEST(Endpoint, TakesTheTokenFromTheFileOrTheEnvironment) {
    const World world = with_variables({{"HVIS_TOKEN", "from-env"}});
    const auto token = [&](const EndpointOptions& options) {
        const auto endpoint = find_endpoint(options, world.surroundings());
        return endpoint ? std::get<HttpsEndpoint>(*endpoint).token : endpoint.error().message;
    };
    EXPECT_EQ(token(url_option("https://h")), "from-env");

    const std::string path = testing::TempDir() + "hvis_token";
    std::ofstream(path) << "from-file\n";
    EXPECT_EQ(token(url_option("https://h", path)), "from-file");
    std::ofstream(path) << "two words\r\n";
    EXPECT_EQ(token(url_option("https://h", path)), "the token holds characters that no token has");
    EXPECT_EQ(token(url_option("https://h", "/nowhere")), "cannot read a token from /nowhere");
}

}  // namespace
}  // namespace hvis::cli
