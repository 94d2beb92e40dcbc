#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace hvis::wire {

/// Room in the text form, in UTF-16 units with the NUL. Linux: MAX_ADAPTER_ID_SIZE,
/// MAX_IP_ADDR_SIZE, MAX_GATEWAY_SIZE.
inline constexpr size_t kKvpAdapterUnits = 128;
inline constexpr size_t kKvpAddressUnits = 1024;
inline constexpr size_t kKvpGatewayUnits = 512;
/// Room in the binary form, for each family.
inline constexpr size_t kKvpMaxAddresses = 64;
inline constexpr size_t kKvpMaxGateways = 5;
/// Body of every IP message, both forms. Linux: struct hv_kvp_ip_msg.
inline constexpr size_t kKvpIpBodySize = 7428;

/// One network adapter's settings. In the guest's answers the strings are the guest's own words:
/// usually "192.168.1.4" or "fe80::1" and, as a subnet, "255.255.255.0" or "/64".
struct KvpIpInfo {
    std::string adapter;
    bool ipv4 = false;
    bool ipv6 = false;
    bool dhcp = false;
    std::vector<std::string> addresses;
    std::vector<std::string> subnets;  ///< one for each address, in the same order
    std::vector<std::string> gateways;
    std::vector<std::string> dns_servers;
    bool operator==(const KvpIpInfo&) const = default;
};

/// Fails on what is not an address, on a subnet missing, and past the room of either form: such
/// text would reach the guest's configuration scripts.
Result<void> check_kvp_ip_info(const KvpIpInfo& info);

/// Semicolon-separated UTF-16, version 4.0; the bytes after {operation, pool}.
/// Linux: struct hv_kvp_ipaddr_value.
Result<Bytes> format_kvp_ip_text(const KvpIpInfo& info);
Result<KvpIpInfo> parse_kvp_ip_text(ByteView bytes);

/// Counted arrays of binary addresses, version 5.0; the bytes after {operation, pool, padding}.
/// OpenVMM hyperv_ic_protocol: MessageIpAddressInfoBinary.
Result<Bytes> format_kvp_ip_binary(const KvpIpInfo& info);
Result<KvpIpInfo> parse_kvp_ip_binary(ByteView bytes);

}  // namespace hvis::wire
