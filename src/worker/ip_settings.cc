#include "worker/ip_settings.h"

#include <string>
#include <string_view>

#include "base/guid.h"
#include "wire/kvp_ip_address.h"

namespace hvis::worker {
namespace {

constexpr uint8_t kIpv4Bits = 32;

/// "255.255.255.0" for 24.
std::string mask_of(uint8_t length) {
    const uint32_t bits = length == 0 ? 0 : ~uint32_t{0} << (kIpv4Bits - length);
    wire::IpAddress mask;
    for (size_t index = 0; index < 4; ++index) {
        mask.bytes.at(index) = static_cast<uint8_t>(bits >> (24 - 8 * index));
    }
    return wire::format_ip_address(mask);
}

Result<void> add_address(wire::KvpIpInfo& info, std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = wire::parse_ip_address(text.substr(0, slash));
    const auto length = slash == std::string_view::npos
                            ? std::nullopt
                            : wire::parse_prefix_length(text.substr(slash));
    if (!address || !length || (!address->ipv6 && *length > kIpv4Bits)) {
        return fail(Errc::kInvalid, "an address is written like 192.168.1.4/24 or fd00::4/64");
    }
    info.addresses.push_back(wire::format_ip_address(*address));
    info.subnets.push_back(address->ipv6 ? std::string(text.substr(slash)) : mask_of(*length));
    (address->ipv6 ? info.ipv6 : info.ipv4) = true;
    return {};
}

}  // namespace

Result<wire::KvpIpInfo> ip_settings_of(const control::IpSetCommand& command) {
    wire::KvpIpInfo info;
    info.adapter = "{" + HVIS_TRY(Guid::parse(command.adapter)).to_string() + "}";
    info.dhcp = command.dhcp;
    for (const auto& address : command.addresses) {
        HVIS_CHECK(add_address(info, address));
    }
    info.gateways = command.gateways;
    info.dns_servers = command.dns_servers;
    if (info.addresses.empty()) {
        info.ipv4 = true;  // DHCP alone is asked of IPv4, as Hyper-V does.
    }
    HVIS_CHECK(wire::check_kvp_ip_info(info));
    return info;
}

}  // namespace hvis::worker
