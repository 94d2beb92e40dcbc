#include <algorithm>
#include <charconv>

#include "cli/doctor/check.h"

namespace hvis::cli {
namespace {

constexpr uint64_t kKibibytesPerMebibyte = 1024;
/// Less free memory than this holds no guest to speak of.
constexpr uint64_t kLittleMemoryMebibytes = 512;

/// Oldest kernel with all that hvis needs: KVM_CAP_X86_MSR_FILTER (kvm_device.cc lists them).
constexpr std::pair<unsigned, unsigned> kOldestKernel = {5, 10};

std::pair<unsigned, unsigned> version_of(std::string_view release) {
    unsigned major = 0;
    unsigned minor = 0;
    const char* const end = release.data() + release.size();
    const auto [dot, error] = std::from_chars(release.data(), end, major);
    if (error == std::errc() && dot != end && *dot == '.') {
        std::from_chars(dot + 1, end, minor);
    }
    return {major, minor};
}

Check check_kernel(const Host& host) {
    const std::string release = host.kernel_release();
    if (version_of(release) < kOldestKernel) {
        return {"kernel", CheckState::kMissing, "Linux " + release + " is too old",
                "hvis needs Linux 5.10 or newer: Debian 11 and later have it"};
    }
    return {"kernel", CheckState::kOk, "Linux " + release, ""};
}

Check check_program(const Host& host, const char* name, const char* purpose, const char* package) {
    const std::string path = host.find_program(name);
    if (path.empty()) {
        return {name, CheckState::kWarning, std::string("not installed: ") + purpose,
                std::string("apt-get install ") + package};
    }
    return {name, CheckState::kOk, path, ""};
}

/// A line of /proc/meminfo, in its own unit.
uint64_t meminfo(const std::string& text, std::string_view name) {
    const size_t at = text.find(std::string(name) + ":");
    if (at == std::string::npos) {
        return 0;
    }
    const size_t digit = text.find_first_of("0123456789", at);
    uint64_t value = 0;
    if (digit != std::string::npos) {
        std::from_chars(text.data() + digit, text.data() + text.size(), value);
    }
    return value;
}

Check check_memory(const Host& host) {
    const std::string text = host.read("/proc/meminfo");
    const uint64_t free = meminfo(text, "MemAvailable") / kKibibytesPerMebibyte;
    const uint64_t all = meminfo(text, "MemTotal") / kKibibytesPerMebibyte;
    const std::string finding =
        std::to_string(free) + " of " + std::to_string(all) + " MiB can be given to guests";
    if (free < kLittleMemoryMebibytes) {
        return {"memory", CheckState::kWarning, finding, "stop something, or add memory"};
    }
    return {"memory", CheckState::kOk, finding, ""};
}

Check check_huge_pages(const Host& host) {
    const std::string state = host.read("/sys/kernel/mm/transparent_hugepage/enabled");
    if (state.find("[never]") != std::string::npos || state.empty()) {
        return {"huge-pages", CheckState::kWarning, "transparent huge pages are off",
                "faster guests: echo madvise >/sys/kernel/mm/transparent_hugepage/enabled"};
    }
    return {"huge-pages", CheckState::kOk, "transparent huge pages can be used", ""};
}

}  // namespace

std::vector<Check> check_host(const Host& host) {
    return {check_kernel(host), check_memory(host), check_huge_pages(host),
            check_program(host, "passt", "guests without a tap device have no network", "passt"),
            check_program(host, "qemu-storage-daemon",
                          "no disk images but raw files and block devices", "qemu-system-common")};
}

}  // namespace hvis::cli
