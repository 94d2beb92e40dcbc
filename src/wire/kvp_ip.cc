#include "wire/kvp_ip.h"

#include <array>
#include <cstdint>

#include "base/utf16.h"
#include "wire/kvp_ip_address.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

/// Linux: ADDR_FAMILY_*.
constexpr uint8_t kFamilyIpv4 = 1;
constexpr uint8_t kFamilyIpv6 = 2;

/// Linux: struct hv_kvp_ipaddr_value between its adapter id and its addresses.
struct [[gnu::packed]] FamilyWire {
    uint8_t family;
    uint8_t dhcp;
};
static_assert(sizeof(FamilyWire) == 2);
static_assert(2 + kKvpAdapterUnits * 2 + sizeof(FamilyWire) + 3 * kKvpAddressUnits * 2 +
                  kKvpGatewayUnits * 2 ==
              kKvpIpBodySize);

uint8_t family_of(const KvpIpInfo& info) {
    return static_cast<uint8_t>((info.ipv4 ? kFamilyIpv4 : 0) | (info.ipv6 ? kFamilyIpv6 : 0));
}

void set_family(KvpIpInfo& info, FamilyWire wire) {
    info.ipv4 = (wire.family & kFamilyIpv4) != 0;
    info.ipv6 = (wire.family & kFamilyIpv6) != 0;
    info.dhcp = wire.dhcp != 0;
}

std::string join(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts) {
        if (!out.empty()) {
            out += ';';
        }
        out += part;
    }
    return out;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const size_t end = std::min(text.find(';'), text.size());
        if (end != 0) {
            parts.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

Result<void> put_text(Writer& writer, std::string_view text, size_t units) {
    const auto bytes = HVIS_TRY(to_utf16le(text));
    if (bytes.size() > units * 2) {
        return fail(Errc::kLimit, "more IP settings than the message has room for");
    }
    writer.put_bytes(bytes);
    writer.put_zeros(units * 2 - bytes.size());
    return {};
}

Result<std::string> take_text(Reader& reader, size_t units) {
    return from_utf16le(HVIS_TRY(reader.take_bytes(units * 2)));
}

bool all_addresses(const std::vector<std::string>& texts) {
    for (const auto& text : texts) {
        if (!parse_ip_address(text)) {
            return false;
        }
    }
    return true;
}

Result<void> check_room(const std::vector<std::string>& texts, size_t limit) {
    size_t ipv6 = 0;
    for (const auto& text : texts) {
        ipv6 += text.find(':') == std::string::npos ? 0U : 1U;
    }
    if (ipv6 > limit || texts.size() - ipv6 > limit) {
        return fail(Errc::kLimit, "more IP settings than the message has room for");
    }
    return {};
}

}  // namespace

Result<void> check_kvp_ip_info(const KvpIpInfo& info) {
    if (!all_addresses(info.addresses) || !all_addresses(info.gateways) ||
        !all_addresses(info.dns_servers)) {
        return fail(Errc::kInvalid, "not an IP address");
    }
    if (info.subnets.size() != info.addresses.size()) {
        return fail(Errc::kInvalid, "every IP address needs one subnet");
    }
    for (size_t index = 0; index < info.subnets.size(); ++index) {
        const auto& subnet = info.subnets[index];
        const bool ipv6 = info.addresses[index].find(':') != std::string::npos;
        const auto mask = parse_ip_address(subnet);
        const bool good = ipv6 ? parse_prefix_length(subnet).has_value() : mask && !mask->ipv6;
        if (!good) {
            return fail(Errc::kInvalid, "the subnet must be a mask for IPv4, \"/64\" for IPv6");
        }
    }
    HVIS_CHECK(check_room(info.addresses, kKvpMaxAddresses));
    HVIS_CHECK(check_room(info.gateways, kKvpMaxGateways));
    HVIS_CHECK(check_room(info.dns_servers, kKvpMaxAddresses));
    return {};
}

Result<Bytes> format_kvp_ip_text(const KvpIpInfo& info) {
    Bytes out;
    Writer writer(out);
    HVIS_CHECK(put_text(writer, info.adapter, kKvpAdapterUnits));
    writer.put(FamilyWire{.family = family_of(info), .dhcp = static_cast<uint8_t>(info.dhcp)});
    HVIS_CHECK(put_text(writer, join(info.addresses), kKvpAddressUnits));
    HVIS_CHECK(put_text(writer, join(info.subnets), kKvpAddressUnits));
    HVIS_CHECK(put_text(writer, join(info.gateways), kKvpGatewayUnits));
    HVIS_CHECK(put_text(writer, join(info.dns_servers), kKvpAddressUnits));
    return out;
}

Result<KvpIpInfo> parse_kvp_ip_text(ByteView bytes) {
    Reader reader(bytes);
    KvpIpInfo info;
    info.adapter = HVIS_TRY(take_text(reader, kKvpAdapterUnits));
    set_family(info, HVIS_TRY(reader.take<FamilyWire>()));
    info.addresses = split(HVIS_TRY(take_text(reader, kKvpAddressUnits)));
    info.subnets = split(HVIS_TRY(take_text(reader, kKvpAddressUnits)));
    info.gateways = split(HVIS_TRY(take_text(reader, kKvpGatewayUnits)));
    info.dns_servers = split(HVIS_TRY(take_text(reader, kKvpAddressUnits)));
    return info;
}

}  // namespace hvis::wire
