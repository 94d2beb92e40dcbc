#include "worker/host_parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/host_facts.h"

namespace hvis::worker {
namespace {

constexpr auto kHosts =
    "127.0.0.1 localhost\n"
    "# 127.0.1.1 old.example.org box\n"
    "127.0.1.1\tbox.example.org box  # the installer's line\n"
    "10.0.0.7 other\n"
    "10.0.0.8 web.example.net www rack rack.example.net\n";

std::string qualified(std::string_view node, std::string_view hosts = kHosts) {
    return HostParameters(node, "6.1.0-18-amd64", hosts)
        .for_guest({})
        .at("PhysicalHostNameFullyQualified");
}

TEST(HostParameters, AreTheFactsOfTheHost) {
    Config config;
    config.name = "web";
    const auto told = HostParameters("box", "6.12.3-cloud", kHosts).for_guest(config);
    std::vector<std::string> keys;
    for (const auto& [key, value] : told) {
        keys.push_back(key);
    }
    EXPECT_THAT(keys, testing::ElementsAreArray(control::kHostFacts));
    EXPECT_EQ(told.at("HostName"), "box");
    EXPECT_EQ(told.at("PhysicalHostName"), "box");
    EXPECT_EQ(told.at("HostingSystemOsMajor"), "6");
    EXPECT_EQ(told.at("HostingSystemOsMinor"), "12");
    EXPECT_EQ(told.at("VirtualMachineName"), "web");
}

TEST(HostParameters, HaveTheDomainWhereTheHostItselfKnowsIt) {
    EXPECT_EQ(qualified("box"), "box.example.org");
    EXPECT_EQ(qualified("rack"), "rack.example.net") << "whatever stands first";
    EXPECT_EQ(qualified("www"), "www") << "the domain of another name";
    EXPECT_EQ(qualified("box.example.com"), "box.example.com") << "it has one already";
    EXPECT_EQ(qualified("other"), "other") << "the file has no domain for it";
    EXPECT_EQ(qualified("unknown"), "unknown");
    EXPECT_EQ(qualified("bo"), "bo") << "part of a name is none";
    EXPECT_EQ(qualified("box", ""), "box");
    EXPECT_EQ(qualified("box", "10.0.0.7 box." + std::string(2000, 'x')), "box") << "too long";
}

TEST(HostParameters, FollowANewNameOfTheHost) {
    HostParameters host("box", "6.1.0", kHosts);
    host.rename("rack");
    const auto told = host.for_guest({});
    EXPECT_EQ(told.at("HostName"), "rack");
    EXPECT_EQ(told.at("PhysicalHostNameFullyQualified"), "rack.example.org");

    auto here = HostParameters::read();
    const auto before = here.for_guest({});
    here.rename("elsewhere");
    here.look_again();
    EXPECT_EQ(here.for_guest({}), before);
}

TEST(HostParameters, GiveWayToTheConfiguration) {
    Config config;
    config.kvp_parameters = {{.key = "HostName", .value = "lab"}, {.key = "Rack", .value = "7"}};
    const auto told = HostParameters("box", "6.1.0", "").for_guest(config);
    EXPECT_EQ(told.at("HostName"), "lab");
    EXPECT_EQ(told.at("Rack"), "7");
}

}  // namespace
}  // namespace hvis::worker
