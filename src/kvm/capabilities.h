#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hvis::kvm {

/// One of KVM's capabilities that hvis uses.
struct Capability {
    int number;
    std::string_view name;     ///< "KVM_CAP_HYPERV_SYNIC2"
    std::string_view since;    ///< Linux version that brought it
    bool needed;               ///< without it no guest runs; otherwise it only runs slower
    std::string_view missing;  ///< a sentence for the one who lacks it
};

/// All of them. Linux: Documentation/virt/kvm/api.rst says what each gives.
std::span<const Capability> capabilities();

/// Whether the kernel behind the open /dev/kvm, or the machine, has it.
bool has_capability(int fd, int number);

}  // namespace hvis::kvm
