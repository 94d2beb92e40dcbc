#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

#include "cli/doctor/check.h"
#include "control/kvm_verdict.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::KvmVerdict;

constexpr const char* kLabHint =
    "until then, guests run in the emulated lab: lab/run -- COMMAND; or without KVM: "
    "hvis vm create NAME --partition loopback";

Check check_device(const Host& host, const std::optional<KvmOfHvisd>& hvisd) {
    switch (const int error = host.open_error("/dev/kvm")) {
        case 0:
            return {"kvm", CheckState::kOk, "/dev/kvm can be opened", ""};
        case EACCES:
        case EPERM:
            if (hvisd && hvisd->usable) {
                return {"kvm", CheckState::kOk,
                        "hvisd can use KVM; you cannot, and need not to steer its VMs", ""};
            }
            return {"kvm", CheckState::kMissing, "no permission for /dev/kvm",
                    "sudo usermod -aG kvm $USER, then log in anew"};
        default:
            return {"kvm", CheckState::kMissing, std::string("/dev/kvm: ") + std::strerror(error),
                    std::string("switch virtualization on in the firmware, then: modprobe "
                                "kvm_intel (or kvm_amd); ") +
                        kLabHint};
    }
}

Check judge_capabilities(const KvmVerdict& verdict) {
    if (!verdict.lacks_needed.empty()) {
        return {"kvm-hyperv", CheckState::kMissing, "KVM lacks " + verdict.lacks_needed,
                std::string("boot a newer kernel with CONFIG_KVM_HYPERV; ") + kLabHint};
    }
    if (!verdict.lacks_wanted.empty()) {
        return {"kvm-hyperv", CheckState::kWarning, "KVM lacks " + verdict.lacks_wanted,
                "guests run, with fewer enlightenments: a newer kernel has them"};
    }
    return {"kvm-hyperv", CheckState::kOk,
            "KVM has all " + std::to_string(verdict.capabilities) + " capabilities that hvis uses",
            ""};
}

Check judge_processor(const KvmVerdict& verdict) {
    if (verdict.processor_bad.empty()) {
        return {"kvm-processor", CheckState::kOk, "a virtual processor with SynIC can be made", ""};
    }
    return {"kvm-processor", CheckState::kMissing, verdict.processor_bad,
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

/// What the caller's own KVM can do, which opens.
std::vector<Check> check_abilities(const Host& host) {
    const std::string worker = host.find_program("hvis-vm");
    if (worker.empty()) {
        return {{"hvis-vm", CheckState::kMissing, "hvis-vm is not installed",
                 "install the package hvis, or name its folder in PATH"}};
    }
    const Ran ran = host.run({worker, "--probe", "--json"});
    const auto verdict = control::judge_kvm(ran.output);
    if (!verdict) {
        return {{"hvis-vm", CheckState::kMissing,
                 worker + " --probe ended with status " + std::to_string(ran.status),
                 "install hvis-vm of the same version as hvis"}};
    }
    std::vector<Check> checks = {judge_capabilities(*verdict)};
    if (verdict->lacks_needed.empty()) {
        checks.push_back(judge_processor(*verdict));
    }
    return checks;
}

}  // namespace

std::optional<KvmOfHvisd> kvm_of_hvisd(Api& api) {
    if (!std::holds_alternative<UnixEndpoint>(api.endpoint())) {
        return std::nullopt;
    }
    const auto answer = api.get(Target("/host"));
    if (!answer) {
        return std::nullopt;  // check_manager tells why.
    }
    const Json& kvm = control::member_of(**answer, "kvm");
    return KvmOfHvisd{.usable = control::text_at(kvm, "usable") == "yes",
                      .explanation = control::text_at(kvm, "explanation")};
}

std::vector<Check> check_kvm(const Host& host, const std::optional<KvmOfHvisd>& hvisd) {
    const bool opens = host.open_error("/dev/kvm") == 0;
    std::vector<Check> checks = {check_device(host, hvisd)};
    if (opens) {
        const auto more = check_abilities(host);
        checks.insert(checks.end(), more.begin(), more.end());
    }
    if (hvisd && !hvisd->usable && worst_of(checks) != CheckState::kMissing) {
        checks.push_back({"kvm-hvisd", CheckState::kMissing,
                          "hvisd cannot use KVM: " + hvisd->explanation,
                          "mend that, then ask again: hvis host show"});
    }
    checks.push_back(check_nesting(host));
    return checks;
}

}  // namespace hvis::cli
