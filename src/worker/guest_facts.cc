#include "worker/guest_facts.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include <netdb.h>
#include <sys/utsname.h>

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

/// The first two numbers of a kernel release such as "6.1.0-18-amd64".
std::pair<std::string, std::string> release_numbers(std::string_view release) {
    const auto number = [&release] {
        const size_t end = std::min(release.find_first_not_of("0123456789"), release.size());
        std::string digits(release.substr(0, end));
        release.remove_prefix(std::min(end + 1, release.size()));
        return digits.empty() ? std::string("0") : digits;
    };
    std::string major = number();
    return {std::move(major), number()};
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

std::map<std::string, std::string> host_parameters(const Config& config) {
    utsname host{};
    ::uname(&host);
    const std::string node = static_cast<const char*>(host.nodename);
    const auto [major, minor] = release_numbers(static_cast<const char*>(host.release));
    // "9" is PROCESSOR_ARCHITECTURE_AMD64; the throttle and idle values are those of a host whose
    // processors hvis does not manage.
    std::map<std::string, std::string> parameters = {
        {"HostName", node},
        {"HostingSystemEditionId", "0"},
        {"HostingSystemNestedLevel", "0"},
        {"HostingSystemOsMajor", major},
        {"HostingSystemOsMinor", minor},
        {"HostingSystemProcessorArchitecture", "9"},
        {"HostingSystemProcessorIdleStateMax", "0"},
        {"HostingSystemProcessorThrottleMax", "100"},
        {"HostingSystemProcessorThrottleMin", "100"},
        {"HostingSystemSpMajor", "0"},
        {"HostingSystemSpMinor", "0"},
        {"PhysicalHostName", node},
        {"PhysicalHostNameFullyQualified", node},
        {"VirtualMachineDynamicMemoryBalancingEnabled", "0"},
        {"VirtualMachineId", config.id.to_string()},
        {"VirtualMachineName", config.name},
    };
    for (const auto& [key, value] : config.kvp_parameters) {
        parameters[key] = value;
    }
    return parameters;
}

}  // namespace hvis::worker
