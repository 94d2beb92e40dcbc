#include "worker/guest_facts.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace hvis::worker {
namespace {

/// Linux's daemon joins addresses with semicolons.
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

}  // namespace

GuestFacts facts_from(std::span<const ic::KvpPair> pairs) {
    GuestFacts facts;
    for (const auto& [key, value] : pairs) {
        if (key == "OSName") {
            facts.os_name = value;
        } else if (key == "OSVersion") {
            facts.os_version = value;
        } else if (key == "OSBuildNumber") {
            facts.os_build = value;
        } else if (key == "ProcessorArchitecture") {
            facts.architecture = value;
        } else if (key == "FullyQualifiedDomainName") {
            facts.fqdn = value;
        } else if (key == "IntegrationServicesVersion") {
            facts.services_version = value;
        } else if (key == "NetworkAddressIPv4") {
            facts.ipv4 = split(value);
        } else if (key == "NetworkAddressIPv6") {
            facts.ipv6 = split(value);
        }
    }
    return facts;
}

}  // namespace hvis::worker
