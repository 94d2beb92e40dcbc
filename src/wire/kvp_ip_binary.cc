#include <algorithm>
#include <array>
#include <cstdint>

#include "base/utf16.h"
#include "wire/kvp_ip.h"
#include "wire/kvp_ip_address.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

using Ipv4Wire = std::array<uint8_t, 4>;
using Ipv6Wire = std::array<uint8_t, 16>;

constexpr uint8_t kFamilyIpv4 = 1;
constexpr uint8_t kFamilyIpv6 = 2;
/// "Not assigned by hand", and "by hand". OpenVMM: IpAddressOrigin.
constexpr uint16_t kOriginOther = 1;
constexpr uint16_t kOriginStatic = 2;

/// OpenVMM hyperv_ic_protocol: MessageIpAddressInfoBinary.
struct [[gnu::packed]] IpInfoWire {
    uint32_t ipv4_address_count;
    uint32_t ipv6_address_count;
    uint32_t ipv4_gateway_count;
    uint32_t ipv6_gateway_count;
    uint32_t ipv4_dns_count;
    uint32_t ipv6_dns_count;
    std::array<std::byte, kKvpAdapterUnits * 2> adapter;
    uint8_t family;
    uint8_t dhcp;
    uint16_t padding;
    std::array<Ipv4Wire, kKvpMaxAddresses> ipv4_addresses;
    std::array<Ipv6Wire, kKvpMaxAddresses> ipv6_addresses;
    std::array<Ipv4Wire, kKvpMaxAddresses> ipv4_subnets;
    std::array<uint32_t, kKvpMaxAddresses> ipv6_subnets;
    std::array<Ipv4Wire, kKvpMaxGateways> ipv4_gateways;
    std::array<Ipv6Wire, kKvpMaxGateways> ipv6_gateways;
    std::array<Ipv4Wire, kKvpMaxAddresses> ipv4_dns;
    std::array<Ipv6Wire, kKvpMaxAddresses> ipv6_dns;
    std::array<uint16_t, 2 * kKvpMaxAddresses> origins;
};
static_assert(sizeof(IpInfoWire) == 3712);
static_assert(4 + sizeof(IpInfoWire) <= kKvpIpBodySize);

/// Sorts text addresses into the two arrays of their families.
template <size_t kRoom>
Result<void> store(const std::vector<std::string>& texts, std::array<Ipv4Wire, kRoom>& ipv4,
                   uint32_t& ipv4_count, std::array<Ipv6Wire, kRoom>& ipv6, uint32_t& ipv6_count) {
    ipv4_count = 0;
    ipv6_count = 0;
    for (const auto& text : texts) {
        const auto address = parse_ip_address(text);
        if (!address) {
            return fail(Errc::kInvalid, "not an IP address");
        }
        uint32_t& count = address->ipv6 ? ipv6_count : ipv4_count;
        if (count == kRoom) {
            return fail(Errc::kLimit, "more IP settings than the message has room for");
        }
        if (address->ipv6) {
            ipv6[count] = address->bytes;
        } else {
            std::copy_n(address->bytes.begin(), 4, ipv4[count].begin());
        }
        ++count;
    }
    return {};
}

/// Subnets go where their addresses went.
Result<void> store_subnets(const KvpIpInfo& info, std::array<Ipv4Wire, kKvpMaxAddresses>& ipv4,
                           std::array<uint32_t, kKvpMaxAddresses>& ipv6) {
    size_t ipv4_count = 0;
    size_t ipv6_count = 0;
    for (const auto& subnet : info.subnets) {
        const auto prefix = parse_prefix_length(subnet);
        const auto mask = parse_ip_address(subnet);
        if (prefix && ipv6_count < kKvpMaxAddresses) {
            ipv6[ipv6_count++] = *prefix;
        } else if (mask && !mask->ipv6 && ipv4_count < kKvpMaxAddresses) {
            std::copy_n(mask->bytes.begin(), 4, ipv4[ipv4_count++].begin());
        } else {
            return fail(Errc::kInvalid, "the subnet must be a mask for IPv4, \"/64\" for IPv6");
        }
    }
    return {};
}

template <size_t kRoom>
Result<void> load(const std::array<Ipv4Wire, kRoom>& from, uint32_t count,
                  std::vector<std::string>& texts) {
    if (count > kRoom) {
        return fail(Errc::kProtocol, "more IP settings counted than there are");
    }
    for (size_t index = 0; index < count; ++index) {
        IpAddress address;
        std::copy_n(from[index].begin(), 4, address.bytes.begin());
        texts.push_back(format_ip_address(address));
    }
    return {};
}

template <size_t kRoom>
Result<void> load(const std::array<Ipv6Wire, kRoom>& from, uint32_t count,
                  std::vector<std::string>& texts) {
    if (count > kRoom) {
        return fail(Errc::kProtocol, "more IP settings counted than there are");
    }
    for (size_t index = 0; index < count; ++index) {
        texts.push_back(format_ip_address({.ipv6 = true, .bytes = from[index]}));
    }
    return {};
}

}  // namespace

Result<Bytes> format_kvp_ip_binary(const KvpIpInfo& info) {
    const auto adapter = HVIS_TRY(to_utf16le(info.adapter));
    IpInfoWire wire{};
    if (adapter.size() > wire.adapter.size()) {
        return fail(Errc::kLimit, "adapter id longer than 127 characters");
    }
    std::ranges::copy(adapter, wire.adapter.begin());
    wire.family =
        static_cast<uint8_t>((info.ipv4 ? kFamilyIpv4 : 0) | (info.ipv6 ? kFamilyIpv6 : 0));
    wire.dhcp = static_cast<uint8_t>(info.dhcp);
    // Counters on the stack: a packed member takes no reference.
    uint32_t ipv4 = 0;
    uint32_t ipv6 = 0;
    HVIS_CHECK(store(info.addresses, wire.ipv4_addresses, ipv4, wire.ipv6_addresses, ipv6));
    wire.ipv4_address_count = ipv4;
    wire.ipv6_address_count = ipv6;
    auto ipv6_subnets = std::array<uint32_t, kKvpMaxAddresses>{};
    HVIS_CHECK(store_subnets(info, wire.ipv4_subnets, ipv6_subnets));
    wire.ipv6_subnets = ipv6_subnets;
    for (size_t index = 0; index < size_t{ipv4} + ipv6; ++index) {
        wire.origins[index] = info.dhcp ? kOriginOther : kOriginStatic;
    }
    HVIS_CHECK(store(info.gateways, wire.ipv4_gateways, ipv4, wire.ipv6_gateways, ipv6));
    wire.ipv4_gateway_count = ipv4;
    wire.ipv6_gateway_count = ipv6;
    HVIS_CHECK(store(info.dns_servers, wire.ipv4_dns, ipv4, wire.ipv6_dns, ipv6));
    wire.ipv4_dns_count = ipv4;
    wire.ipv6_dns_count = ipv6;
    Bytes out;
    Writer(out).put(wire);
    return out;
}

Result<KvpIpInfo> parse_kvp_ip_binary(ByteView bytes) {
    const auto wire = HVIS_TRY(Reader(bytes).take<IpInfoWire>());
    KvpIpInfo info;
    info.adapter = from_utf16le(wire.adapter);
    info.ipv4 = (wire.family & kFamilyIpv4) != 0;
    info.ipv6 = (wire.family & kFamilyIpv6) != 0;
    info.dhcp = wire.dhcp != 0;
    HVIS_CHECK(load(wire.ipv4_addresses, wire.ipv4_address_count, info.addresses));
    HVIS_CHECK(load(wire.ipv6_addresses, wire.ipv6_address_count, info.addresses));
    HVIS_CHECK(load(wire.ipv4_subnets, wire.ipv4_address_count, info.subnets));
    for (size_t index = 0; index < wire.ipv6_address_count; ++index) {
        info.subnets.push_back("/" + std::to_string(uint32_t{wire.ipv6_subnets[index]}));
    }
    HVIS_CHECK(load(wire.ipv4_gateways, wire.ipv4_gateway_count, info.gateways));
    HVIS_CHECK(load(wire.ipv6_gateways, wire.ipv6_gateway_count, info.gateways));
    HVIS_CHECK(load(wire.ipv4_dns, wire.ipv4_dns_count, info.dns_servers));
    HVIS_CHECK(load(wire.ipv6_dns, wire.ipv6_dns_count, info.dns_servers));
    return info;
}

}  // namespace hvis::wire
