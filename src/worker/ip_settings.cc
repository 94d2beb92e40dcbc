#include "worker/ip_settings.h"

#include <string>
#include <string_view>
#include <vector>

#include "base/guid.h"
#include "base/utf16.h"
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

std::unexpected<control::FieldError> not_expected(std::string_view list, size_t index,
                                                  std::string_view expected,
                                                  std::string_view text) {
    return std::unexpected(control::FieldError{
        .pointer = control::child_pointer(control::child_pointer({}, list), std::to_string(index)),
        .message = std::string(expected) + ", not '" + escape_for_display(text) + "'"});
}

bool add_address(wire::KvpIpInfo& info, std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = wire::parse_ip_address(text.substr(0, slash));
    const auto length = slash == std::string_view::npos
                            ? std::nullopt
                            : wire::parse_prefix_length(text.substr(slash));
    if (!address || !length || (!address->ipv6 && *length > kIpv4Bits)) {
        return false;
    }
    info.addresses.push_back(wire::format_ip_address(*address));
    info.subnets.push_back(address->ipv6 ? std::string(text.substr(slash)) : mask_of(*length));
    (address->ipv6 ? info.ipv6 : info.ipv4) = true;
    return true;
}

/// Gateways and name servers.
Result<void, control::FieldError> check_plain(std::string_view list,
                                              const std::vector<std::string>& texts) {
    for (size_t index = 0; index < texts.size(); ++index) {
        if (!wire::parse_ip_address(texts[index])) {
            return not_expected(list, index, "expected an address such as 192.168.1.1 or fd00::1",
                                texts[index]);
        }
    }
    return {};
}

}  // namespace

Result<wire::KvpIpInfo, control::FieldError> ip_settings_of(const control::IpSetCommand& command) {
    wire::KvpIpInfo info;
    const auto adapter = Guid::parse(command.adapter);
    if (!adapter) {
        return std::unexpected(
            control::FieldError{.pointer = "/adapter", .message = "expected a GUID"});
    }
    info.adapter = "{" + adapter->to_string() + "}";
    info.dhcp = command.dhcp;
    for (size_t index = 0; index < command.addresses.size(); ++index) {
        if (!add_address(info, command.addresses[index])) {
            return not_expected("addresses", index,
                                "expected an address such as 192.168.1.4/24 or fd00::4/64",
                                command.addresses[index]);
        }
    }
    HVIS_CHECK(check_plain("gateways", command.gateways));
    HVIS_CHECK(check_plain("dns_servers", command.dns_servers));
    info.gateways = command.gateways;
    info.dns_servers = command.dns_servers;
    if (info.addresses.empty()) {
        info.ipv4 = true;  // DHCP alone is asked of IPv4, as Hyper-V does.
    }
    return info;
}

}  // namespace hvis::worker
