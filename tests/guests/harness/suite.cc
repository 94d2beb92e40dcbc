#include "harness/suite.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "harness/process.h"

namespace hvis::guests {
namespace {

struct KnownSuite {
    std::string_view name;
    std::string_view vmbus_version;
    std::string_view oldest_vmbus_version;
    bool vmbus_is_a_module;
    bool unload_is_announced;
    bool has_implicit_time;
};

// Linux: vmbus_versions[] in drivers/hv/connection.c; 5.3 came with 5.11. Those of 3.0 and 2.4 went
// before 7.3, whose kernel then says that it cannot connect, and makes no contact.
constexpr auto kKnownSuites = std::to_array<KnownSuite>({
    {.name = "debian11",
     .vmbus_version = "5.2",
     .oldest_vmbus_version = "2.4",
     .vmbus_is_a_module = true,
     .unload_is_announced = false,
     .has_implicit_time = false},
    {.name = "debian12",
     .vmbus_version = "5.3",
     .oldest_vmbus_version = "2.4",
     .vmbus_is_a_module = true,
     .unload_is_announced = true,
     .has_implicit_time = false},
    {.name = "debian13",
     .vmbus_version = "5.3",
     .oldest_vmbus_version = "2.4",
     .vmbus_is_a_module = true,
     .unload_is_announced = true,
     .has_implicit_time = true},
    {.name = "backports",
     .vmbus_version = "5.3",
     .oldest_vmbus_version = "4.0",
     .vmbus_is_a_module = false,
     .unload_is_announced = true,
     .has_implicit_time = true},
});

std::string variable(const char* name, std::string fallback) {
    const char* value = std::getenv(name);
    return value == nullptr ? fallback : value;
}

[[noreturn]] void give_up(const std::string& sentence) {
    std::fprintf(stderr, "hvis_guest_test: %s\n", sentence.c_str());
    std::exit(2);
}

Suite load() {
    const std::string name = variable("HVIS_SUITE", "debian12");
    const auto* known = std::ranges::find(kKnownSuites, name, &KnownSuite::name);
    if (known == kKnownSuites.end()) {
        give_up("HVIS_SUITE names no suite that is known here: " + name);
    }
    const std::filesystem::path folder =
        variable("HVIS_GUEST_DIR", std::string(HVIS_LAB_GUESTS) + "/" + name);
    std::string command_line = read_file((folder / "cmdline").string());
    command_line.erase(command_line.find_last_not_of('\n') + 1);
    if (command_line.empty()) {
        give_up("no guest in " + folder.string() + "; build it: lab/guest " + name);
    }
    return {.name = name,
            .kernel = (folder / "vmlinuz").string(),
            .unpacked_kernel = (folder / "vmlinux").string(),
            .initrd = (folder / "initrd").string(),
            .command_line = std::move(command_line),
            .vmbus_version = known->vmbus_version,
            .oldest_vmbus_version = known->oldest_vmbus_version,
            .vmbus_is_a_module = known->vmbus_is_a_module,
            .unload_is_announced = known->unload_is_announced,
            .has_implicit_time = known->has_implicit_time};
}

}  // namespace

const Suite& suite() {
    static const Suite kSuite = load();
    return kSuite;
}

}  // namespace hvis::guests
