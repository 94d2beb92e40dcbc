#include "worker/host_parameters.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <tuple>
#include <utility>

#include <sys/utsname.h>

#include "wire/kvp.h"

namespace hvis::worker {
namespace {

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

/// ".example.org", if `hosts` has the node by that name; else empty.
///
/// Not getaddrinfo(): that asks the name servers for what is not in the file, and a host whose
/// network is down would start no guest for half a minute.
std::string domain_of(std::string_view node, std::string_view hosts) {
    const std::string beginning = std::string(node) + ".";
    std::istringstream lines{std::string(hosts)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string name;
        words >> name;  // the address
        while (words >> name) {
            // What a guest cannot be told must not keep it from starting.
            if (name.starts_with(beginning) && wire::check_kvp_value(name)) {
                return name.substr(node.size());
            }
        }
    }
    return {};
}

}  // namespace

HostParameters HostParameters::read() {
    utsname host{};
    ::uname(&host);
    std::ostringstream hosts;
    hosts << std::ifstream("/etc/hosts").rdbuf();
    return {static_cast<const char*>(host.nodename), static_cast<const char*>(host.release),
            hosts.str()};
}

HostParameters::HostParameters(std::string_view node, std::string_view release,
                               std::string_view hosts)
    : domain_(domain_of(node, hosts)) {
    std::tie(major_, minor_) = release_numbers(release);
    rename(node);
}

void HostParameters::look_again() {
    utsname host{};
    ::uname(&host);
    rename(static_cast<const char*>(host.nodename));
}

void HostParameters::rename(std::string_view node) {
    node_ = node;
    qualified_node_ = node_.find('.') == std::string::npos ? node_ + domain_ : node_;
}

std::map<std::string, std::string> HostParameters::for_guest(const Config& config) const {
    // "9" is PROCESSOR_ARCHITECTURE_AMD64; the throttle and idle values are those of a host whose
    // processors hvis does not manage.
    std::map<std::string, std::string> parameters = {
        {"HostName", node_},
        {"HostingSystemEditionId", "0"},
        {"HostingSystemNestedLevel", "0"},
        {"HostingSystemOsMajor", major_},
        {"HostingSystemOsMinor", minor_},
        {"HostingSystemProcessorArchitecture", "9"},
        {"HostingSystemProcessorIdleStateMax", "0"},
        {"HostingSystemProcessorThrottleMax", "100"},
        {"HostingSystemProcessorThrottleMin", "100"},
        {"HostingSystemSpMajor", "0"},
        {"HostingSystemSpMinor", "0"},
        {"PhysicalHostName", node_},
        {"PhysicalHostNameFullyQualified", qualified_node_},
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
