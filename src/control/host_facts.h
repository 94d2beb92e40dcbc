#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace hvis::control {

/// The keys that a worker gives each guest in the pool `parameters`, whose values say what its host
/// is (Guest\Parameters on Hyper-V). Their values can be replaced; gone they would be back with the
/// next start.
inline constexpr auto kHostFacts = std::to_array<std::string_view>({
    "HostName",
    "HostingSystemEditionId",
    "HostingSystemNestedLevel",
    "HostingSystemOsMajor",
    "HostingSystemOsMinor",
    "HostingSystemProcessorArchitecture",
    "HostingSystemProcessorIdleStateMax",
    "HostingSystemProcessorThrottleMax",
    "HostingSystemProcessorThrottleMin",
    "HostingSystemSpMajor",
    "HostingSystemSpMinor",
    "PhysicalHostName",
    "PhysicalHostNameFullyQualified",
    "VirtualMachineDynamicMemoryBalancingEnabled",
    "VirtualMachineId",
    "VirtualMachineName",
});

constexpr bool is_host_fact(std::string_view key) {
    return std::ranges::find(kHostFacts, key) != kHostFacts.end();
}

}  // namespace hvis::control
