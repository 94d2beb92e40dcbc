#include "loopback/guest/guest_pairs.h"

#include <utility>

namespace hvis::loopback {
namespace {

void add(std::string& list, const std::string& address) {
    list += (list.empty() ? "" : ";") + address;
}

}  // namespace

GuestPairs::GuestPairs() {
    ic::KvpIpInfo adapter;
    adapter.adapter = kAdapter;
    add_adapter(adapter);
    adapter.dhcp = true;
    (void)set_ip_info(adapter);
}

bool GuestPairs::set_ip_info(const ic::KvpIpInfo& info) {
    if (!MemoryKvpStore::set_ip_info(info)) {
        return false;
    }
    // What it would have got from somebody on the network, it has from itself.
    std::string ipv4 = info.dhcp ? "127.0.0.1" : "";
    std::string ipv6 = info.dhcp ? "::1" : "";
    for (const std::string& address : info.addresses) {
        add(address.contains(':') ? ipv6 : ipv4, address);
    }
    publish(ic::KvpPool::kAuto, "NetworkAddressIPv4", std::move(ipv4));
    publish(ic::KvpPool::kAuto, "NetworkAddressIPv6", std::move(ipv6));
    return true;
}

void GuestPairs::publish(ic::KvpPool pool, std::string key, std::string value) {
    // Fails only past MemoryKvpStore::kMaxPairs, and then the host filled the pool itself.
    (void)set(pool, {.key = std::move(key), .value = std::move(value)});
}

}  // namespace hvis::loopback
