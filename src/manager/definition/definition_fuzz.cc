#include <string_view>

#include <nlohmann/json.hpp>

#include "manager/definition/vm_definition.h"

/// A definition, then a patch of a good one: never a crash, never a value out of its bounds, and
/// what was read is read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;

void check(const manager::VmDefinition& definition) {
    const bool good = !definition.name.empty() && definition.name.size() <= manager::kMaxVmName &&
                      definition.processors >= 1 && definition.processors <= 64 &&
                      definition.heartbeat.window >= definition.heartbeat.misses;
    const auto again = manager::parse_definition(manager::to_json(definition));
    if (!good || !again || *again != definition) {
        __builtin_trap();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    const auto value = control::parse_json(std::string(data, data + size), 65536);
    if (!value) {
        return 0;
    }
    if (const auto definition = manager::parse_definition(**value)) {
        check(*definition);
    }
    manager::VmDefinition base;
    base.name = "web";
    base.memory = uint64_t{512} * 1024 * 1024;
    base.kernel = "/boot/vmlinuz";
    if (const auto changed = manager::patched(base, **value)) {
        check(*changed);
    }
    return 0;
}
