#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

#include "cli/doctor/check.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::member_of;
using control::text_at;

/// Longest output of `hvis-vm --probe --json`.
constexpr size_t kMaxProbe = size_t{1024} * 1024;
constexpr const char* kLabHint =
    "until then, guests run in the emulated lab: lab/run -- COMMAND; or without KVM: "
    "hvis vm create NAME --partition loopback";

Check check_device(const Host& host) {
    switch (const int error = host.open_error("/dev/kvm")) {
        case 0:
            return {"kvm", CheckState::kOk, "/dev/kvm can be opened", ""};
        case EACCES:
        case EPERM:
            return {"kvm", CheckState::kMissing, "no permission for /dev/kvm",
                    "sudo usermod -aG kvm $USER, then log in anew"};
        default:
            return {"kvm", CheckState::kMissing, std::string("/dev/kvm: ") + std::strerror(error),
                    std::string("switch virtualization on in the firmware, then: modprobe "
                                "kvm_intel (or kvm_amd); ") +
                        kLabHint};
    }
}

std::string missing_capabilities(const Json& probe, bool needed) {
    std::string list;
    if (const Json& capabilities = member_of(probe, "capabilities"); capabilities.is_array()) {
        for (const Json& capability : capabilities) {
            if (text_at(capability, "present") == "no" &&
                (text_at(capability, "needed") == "yes") == needed) {
                list += (list.empty() ? "" : ", ") + text_at(capability, "name") + " (Linux " +
                        text_at(capability, "since") + ")";
            }
        }
    }
    return list;
}

Check judge_capabilities(const Json& probe) {
    const Json& capabilities = member_of(probe, "capabilities");
    if (const std::string lacks = missing_capabilities(probe, true); !lacks.empty()) {
        return {"kvm-hyperv", CheckState::kMissing, "KVM lacks " + lacks,
                std::string("boot a newer kernel with CONFIG_KVM_HYPERV; ") + kLabHint};
    }
    if (const std::string lacks = missing_capabilities(probe, false); !lacks.empty()) {
        return {"kvm-hyperv", CheckState::kWarning, "KVM lacks " + lacks,
                "guests run, with fewer enlightenments: a newer kernel has them"};
    }
    return {"kvm-hyperv", CheckState::kOk,
            "KVM has all " + std::to_string(capabilities.size()) + " capabilities that hvis uses",
            ""};
}

Check judge_processor(const Json& probe) {
    const std::string complaint = text_at(probe, "processor_error");
    if (text_at(probe, "processor") == "yes") {
        return {"kvm-processor", CheckState::kOk, "a virtual processor with SynIC can be made", ""};
    }
    return {"kvm-processor", CheckState::kMissing,
            complaint.empty() ? "no virtual processor with SynIC can be made" : complaint,
            std::string("look at 'dmesg | grep -i kvm'; ") + kLabHint};
}

/// A hypervisor below this one makes everything slower, and may lack what nesting needs.
Check check_nesting(const Host& host) {
    const std::string processor = host.read("/proc/cpuinfo");
    const bool guest = processor.find(" hypervisor") != std::string::npos;
    if (!guest) {
        return {"nesting", CheckState::kOk, "this is no virtual machine itself", ""};
    }
    return {"nesting", CheckState::kWarning, "this host is a virtual machine itself",
            "its guests are slower; use the hardware where speed matters"};
}

}  // namespace

std::vector<Check> check_kvm(const Host& host) {
    std::vector<Check> checks = {check_device(host)};
    if (checks.front().state != CheckState::kOk) {
        checks.push_back(check_nesting(host));
        return checks;
    }
    const std::string worker = host.find_program("hvis-vm");
    if (worker.empty()) {
        checks.push_back({"hvis-vm", CheckState::kMissing, "hvis-vm is not installed",
                          "install the package hvis, or name its folder in PATH"});
        return checks;
    }
    const Ran ran = host.run({worker, "--probe", "--json"});
    const auto probe = control::parse_json(ran.output, kMaxProbe);
    if (!probe) {
        checks.push_back({"hvis-vm", CheckState::kMissing,
                          worker + " --probe ended with status " + std::to_string(ran.status),
                          "install hvis-vm of the same version as hvis"});
        return checks;
    }
    checks.push_back(judge_capabilities(**probe));
    if (missing_capabilities(**probe, true).empty()) {
        checks.push_back(judge_processor(**probe));
    }
    checks.push_back(check_nesting(host));
    return checks;
}

}  // namespace hvis::cli
