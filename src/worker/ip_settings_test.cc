#include "worker/ip_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

using ::testing::ElementsAre;

constexpr const char* kAdapter = "F8615163-df3e-46c5-913f-f2d2f965ed0e";

TEST(IpSettings, SayWhatTheGuestUnderstands) {
    const auto info = ip_settings_of({.adapter = kAdapter,
                                      .dhcp = false,
                                      .addresses = {"192.168.7.2/20", "10.0.0.1/32", "FD00::2/64"},
                                      .gateways = {"192.168.0.1"},
                                      .dns_servers = {"fd00::1"}});
    ASSERT_TRUE(info);
    EXPECT_EQ(info->adapter, "{f8615163-df3e-46c5-913f-f2d2f965ed0e}");
    EXPECT_THAT(info->addresses, ElementsAre("192.168.7.2", "10.0.0.1", "fd00::2"));
    EXPECT_THAT(info->subnets, ElementsAre("255.255.240.0", "255.255.255.255", "/64"));
    EXPECT_THAT(info->gateways, ElementsAre("192.168.0.1"));
    EXPECT_THAT(info->dns_servers, ElementsAre("fd00::1"));
    EXPECT_TRUE(info->ipv4);
    EXPECT_TRUE(info->ipv6);
    EXPECT_FALSE(info->dhcp);
}

TEST(IpSettings, CanBeDhcpAlone) {
    const auto info = ip_settings_of({.adapter = kAdapter, .dhcp = true});
    ASSERT_TRUE(info);
    EXPECT_TRUE(info->dhcp);
    EXPECT_TRUE(info->ipv4);
    EXPECT_FALSE(info->ipv6);
}

TEST(IpSettings, NameTheFieldThatIsWrong) {
    const auto complaint = [](const control::IpSetCommand& command) {
        return ip_settings_of(command).error().to_string();
    };
    EXPECT_EQ(complaint({.adapter = kAdapter, .addresses = {"192.0.2.7/24", "192.0.2.8"}}),
              "/addresses/1: expected an address such as 192.168.1.4/24 or fd00::4/64, not "
              "'192.0.2.8'");
    EXPECT_EQ(complaint({.adapter = kAdapter, .dhcp = true, .gateways = {"gw\n"}}),
              "/gateways/0: expected an address such as 192.168.1.1 or fd00::1, not 'gw\\x0a'");
    EXPECT_EQ(complaint({.adapter = kAdapter, .dhcp = true, .dns_servers = {"::1", "1.2.3.4/24"}}),
              "/dns_servers/1: expected an address such as 192.168.1.1 or fd00::1, not "
              "'1.2.3.4/24'");
}

TEST(IpSettings, RefuseWhatIsNoAddress) {
    for (const char* bad : {"192.168.7.2", "192.168.7.2/33", "192.168.7/24", "fd00::2/129", "/24",
                            "1.2.3.4/24;rm", "$(reboot)/1", "", "1.2.3.4/"}) {
        EXPECT_FALSE(ip_settings_of({.adapter = kAdapter, .addresses = {bad}})) << bad;
    }
    EXPECT_FALSE(ip_settings_of({.adapter = kAdapter, .dhcp = true, .gateways = {"gw"}}));
    EXPECT_FALSE(ip_settings_of({.adapter = kAdapter, .dhcp = true, .dns_servers = {"a;b"}}));
}

}  // namespace
}  // namespace hvis::worker
