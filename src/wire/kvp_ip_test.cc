#include "wire/kvp_ip.h"

#include <gtest/gtest.h>

#include "wire/captured_kvp.h"
#include "wire/kvp.h"
#include "wire/kvp_ip_address.h"
#include "wire/test_bytes.h"

namespace hvis::wire {
namespace {

constexpr IcVersion kText{4, 0};
constexpr IcVersion kBinary{5, 0};

KvpIpInfo some_info() {
    KvpIpInfo info;
    info.adapter = "{f8615163-0000-1000-2000-00155d000001}";
    info.ipv4 = true;
    info.ipv6 = true;
    info.addresses = {"192.168.1.4", "10.0.0.1", "fe80::1"};
    info.subnets = {"255.255.255.0", "255.0.0.0", "/64"};
    info.gateways = {"192.168.1.1"};
    info.dns_servers = {"1.1.1.1", "2606:4700:4700::1111"};
    return info;
}

TEST(KvpIp, CarriesSettingsInBothForms) {
    for (const IcVersion version : {kText, kBinary}) {
        const KvpRequest request = KvpSetIpInfo{.info = some_info()};
        const auto body = format_kvp_request(request, version);
        ASSERT_TRUE(body);
        EXPECT_EQ(body->size(), kKvpIpBodySize);
        EXPECT_EQ(parse_kvp_request(*body, version), request);
    }
}

TEST(KvpIp, MatchesTheRequestsThatALinuxGuestTook) {
    EXPECT_EQ(format_kvp_request(KvpGetIpInfo{.adapter = "00:15:5D:01:02:03"}, kText),
              body_of(captured::kKvpGetIp));
    EXPECT_EQ(format_kvp_request(KvpSetIpInfo{.info = some_info()}, kText),
              body_of(captured::kKvpSetIp));
}

TEST(KvpIp, ReadsTheAnswerOfALinuxGuest) {
    const auto info = parse_kvp_ip_info(body_of(captured::kKvpGetIpAnswer), kText);
    ASSERT_TRUE(info);
    EXPECT_EQ(
        *info,
        (KvpIpInfo{.adapter = "00:15:5D:01:02:03",
                   .ipv4 = true,
                   .ipv6 = true,
                   .dhcp = false,
                   .addresses = {"192.168.1.4", "10.1.2.3", "fd00::4", "fe80::215:5dff:fe01:203"},
                   .subnets = {"255.255.255.0", "255.0.0.0", "/64", "/64"},
                   .gateways = {"192.168.1.1"},
                   .dns_servers = {"1.1.1.1"}}));
}

TEST(KvpIp, PutsTheTextFormWhereLinuxReadsIt) {
    const auto body = format_kvp_request(KvpSetIpInfo{.info = some_info()}, kText);
    ASSERT_TRUE(body);
    EXPECT_EQ((*body)[0], std::byte{5});           // KVP_OP_SET_IP_INFO
    EXPECT_EQ((*body)[2], std::byte{'{'});         // adapter_id at 2
    EXPECT_EQ((*body)[2 + 256], std::byte{3});     // addr_family
    EXPECT_EQ((*body)[2 + 257], std::byte{0});     // dhcp_enabled
    EXPECT_EQ((*body)[2 + 258], std::byte{'1'});   // ip_addr
    EXPECT_EQ((*body)[2 + 2306], std::byte{'2'});  // sub_net
    EXPECT_EQ((*body)[2 + 4354], std::byte{'1'});  // gate_way
    EXPECT_EQ((*body)[2 + 5378], std::byte{'1'});  // dns_addr
}

TEST(KvpIp, PutsTheBinaryFormByteForByte) {
    const auto body = format_kvp_request(KvpSetIpInfo{.info = some_info()}, kBinary);
    ASSERT_TRUE(body);
    const auto at = [&](size_t offset, size_t count) {
        return Bytes(body->begin() + static_cast<std::ptrdiff_t>(4 + offset),
                     body->begin() + static_cast<std::ptrdiff_t>(4 + offset + count));
    };
    EXPECT_EQ(at(0, 24), hex("02000000 01000000 01000000 00000000 01000000 01000000"));
    EXPECT_EQ(at(280, 4), hex("03 00 0000"));
    EXPECT_EQ(at(284, 8), hex("c0a80104 0a000001"));
    EXPECT_EQ(at(540, 16), hex("fe80000000000000 0000000000000001"));
    EXPECT_EQ(at(1564, 8), hex("ffffff00 ff000000"));
    EXPECT_EQ(at(1820, 4), hex("40000000"));
    EXPECT_EQ(at(2076, 4), hex("c0a80101"));
    EXPECT_EQ(at(2176, 4), hex("01010101"));
    EXPECT_EQ(at(2432, 16), hex("26064700470000000000000000001111"));
    EXPECT_EQ(at(3456, 6), hex("0200 0200 0200"));
}

TEST(KvpIp, AsksForAnAdapterInBothForms) {
    for (const IcVersion version : {kText, kBinary}) {
        const KvpRequest request = KvpGetIpInfo{.adapter = "00:15:5D:01:02:03"};
        const auto body = format_kvp_request(request, version);
        ASSERT_TRUE(body);
        EXPECT_EQ(parse_kvp_request(*body, version), request);
    }
    EXPECT_EQ(format_kvp_request(KvpGetIpInfo{.adapter = "x"}, {3, 0}).error().code,
              Errc::kUnsupported);
}

TEST(KvpIp, RefusesEveryPrefix) {
    const auto text = format_kvp_ip_info(some_info(), kText);
    ASSERT_TRUE(text);
    expect_prefixes_fail(*text, kKvpIpBodySize,
                         [](ByteView body) { return parse_kvp_ip_info(body, kText); });
    const auto binary = format_kvp_ip_info(some_info(), kBinary);
    ASSERT_TRUE(binary);
    expect_prefixes_fail(*binary, 4 + 3712,
                         [](ByteView body) { return parse_kvp_ip_info(body, kBinary); });
}

TEST(KvpIp, RefusesCountsBeyondTheArrays) {
    const Bytes whole = *format_kvp_ip_info(some_info(), kBinary);
    for (size_t count = 0; count < 6; ++count) {
        Bytes body = whole;
        body[4 + count * 4] = std::byte{65};
        EXPECT_FALSE(parse_kvp_ip_info(body, kBinary)) << count;
        body[4 + count * 4 + 3] = std::byte{0xff};
        EXPECT_FALSE(parse_kvp_ip_info(body, kBinary)) << count;
    }
}

TEST(KvpIp, ReadsTheLooseTextOfALinuxDaemon) {
    KvpIpInfo info = some_info();
    info.gateways = {"192.168.1.1;", "", "x"};
    const auto read = parse_kvp_ip_info(*format_kvp_ip_info(info, kText), kText);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->gateways, (std::vector<std::string>{"192.168.1.1", "x"}));
}

TEST(KvpIp, RefusesToSendWhatIsNotAnAddress) {
    const auto broken = [](auto change) {
        KvpIpInfo info = some_info();
        change(info);
        return !format_kvp_request(KvpSetIpInfo{.info = info}, kText) &&
               !format_kvp_request(KvpSetIpInfo{.info = info}, kBinary);
    };
    EXPECT_TRUE(broken([](auto& info) { info.addresses[0] = "1.2.3.4\nGATEWAY=6.6.6.6"; }));
    EXPECT_TRUE(broken([](auto& info) { info.dns_servers[0] = "$(reboot)"; }));
    EXPECT_TRUE(broken([](auto& info) { info.gateways[0] = "1.2.3.4;5.6.7.8"; }));
    EXPECT_TRUE(broken([](auto& info) { info.subnets.pop_back(); }));
    EXPECT_TRUE(broken([](auto& info) { info.subnets[2] = "/129"; }));
    EXPECT_TRUE(broken([](auto& info) { info.gateways.assign(6, "1.1.1.1"); }));
    EXPECT_TRUE(broken([](auto& info) { info.dns_servers.assign(65, "1.1.1.1"); }));
}

TEST(IpAddress, ReadsAndWritesBothFamilies) {
    for (const char* text : {"0.0.0.0", "192.168.1.255", "::", "::1", "fe80::1",
                             "1::", "2001:db8:0:1:1:1:1:1", "2001:db8::1:0:0:1"}) {
        const auto address = parse_ip_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(format_ip_address(*address), text);
    }
    EXPECT_EQ(format_ip_address(*parse_ip_address("2001:DB8:0:0:1:0:0:1")), "2001:db8::1:0:0:1");
    EXPECT_EQ(format_ip_address(*parse_ip_address("::ffff:1.2.3.4")), "::ffff:102:304");
    EXPECT_EQ(parse_prefix_length("/64"), 64);
}

TEST(IpAddress, RefusesEverythingElse) {
    for (const char* text : {"",
                             "1",
                             "1.2.3",
                             "1.2.3.4.5",
                             "256.1.1.1",
                             "1.2.3.4 ",
                             "-1.2.3.4",
                             "+1.2.3.4",
                             "1..2.3",
                             "0x1.2.3.4",
                             ":",
                             ":::",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1::2::3",
                             "12345::",
                             "1:2:3:4:5:6:7:8::",
                             "fe80::1%eth0",
                             "::1.2.3",
                             "1.2.3.4::",
                             "::g",
                             "1:",
                             ":1"}) {
        EXPECT_FALSE(parse_ip_address(text)) << text;
    }
    for (const char* text : {"64", "/", "/129", "/-1", "/6x", "/0064"}) {
        EXPECT_FALSE(parse_prefix_length(text)) << text;
    }
}

}  // namespace
}  // namespace hvis::wire
