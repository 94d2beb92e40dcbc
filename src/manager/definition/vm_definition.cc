#include "manager/definition/vm_definition.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::FieldError;
using control::Json;

/// The member of a member, or nullptr.
const Json* member(const Json& object, const char* section, const char* name) {
    if (!object.is_object() || !object.contains(section) || !object[section].is_object()) {
        return nullptr;
    }
    const auto found = object[section].find(name);
    return found == object[section].end() || found->is_null() ? nullptr : &*found;
}

/// Whoever changes one of the two bounds of the heartbeat lets the other follow, as heartbeat.set
/// does.
void let_window_follow(const Json& patch, Json& merged) {
    const Json* misses = member(merged, "heartbeat", "misses");
    const Json* window = member(merged, "heartbeat", "window");
    if (misses == nullptr || window == nullptr || !misses->is_number_integer() ||
        !window->is_number_integer() || *window >= *misses) {
        return;
    }
    const bool has_misses = member(patch, "heartbeat", "misses") != nullptr;
    const bool has_window = member(patch, "heartbeat", "window") != nullptr;
    if (has_misses && !has_window) {
        merged["heartbeat"]["window"] = Json(*misses);
    } else if (has_window && !has_misses) {
        merged["heartbeat"]["misses"] = Json(*window);
    }
}

Json service_versions_json(const VmDefinition& definition) {
    Json versions = Json::object();
    for (size_t index = 0; index < definition.service_versions.size(); ++index) {
        if (const std::string& version = definition.service_versions[index]; !version.empty()) {
            versions[std::string(control::kServiceWords[index])] = version;
        }
    }
    return versions;
}

}  // namespace

Result<VmDefinition, FieldError> patched(const VmDefinition& definition, const Json& patch) {
    Json merged = to_json(definition);
    merged.merge_patch(patch);
    let_window_follow(patch, merged);
    VmDefinition changed = HVIS_TRY(parse_definition(merged));
    if (changed.id != definition.id) {
        return std::unexpected(FieldError{.pointer = "/id", .message = "cannot be changed"});
    }
    if (changed.partition != definition.partition) {
        return std::unexpected(FieldError{.pointer = "/partition", .message = "cannot be changed"});
    }
    return changed;
}

Json to_json(const VmDefinition& definition) {
    Json services = Json::object();
    for (size_t index = 0; index < definition.services.size(); ++index) {
        services[std::string(control::kServiceWords[index])] = definition.services[index];
    }
    Json vmbus = Json::object();
    if (!definition.vmbus_max_version.empty()) {
        vmbus["max_version"] = definition.vmbus_max_version;
    }
    const auto word = [](const auto& words, auto value) {
        return words[std::to_underlying(value)];
    };
    return {{"id", definition.id.to_string()},
            {"name", definition.name},
            {"description", definition.description},
            {"partition", word(kPartitionWords, definition.partition)},
            {"memory", definition.memory},
            {"processors", definition.processors},
            {"kernel", definition.kernel},
            {"initrd", definition.initrd},
            {"append", definition.append},
            {"services", std::move(services)},
            {"service_versions", service_versions_json(definition)},
            {"heartbeat", control::to_json(definition.heartbeat)},
            {"autostart",
             {{"enabled", definition.autostart.enabled},
              {"order", definition.autostart.order},
              {"delay_ms", definition.autostart.delay.count()},
              {"stop_timeout_ms", definition.autostart.stop_timeout.count()}}},
            {"restart",
             {{"when", word(kRestartWords, definition.restart.when)},
              {"attempts", definition.restart.attempts},
              {"first_delay_ms", definition.restart.first_delay.count()},
              {"longest_delay_ms", definition.restart.longest_delay.count()},
              {"forgive_after_ms", definition.restart.forgive_after.count()}}},
            {"on_crash", word(kStopWords, definition.on_crash)},
            {"on_reset", word(kStopWords, definition.on_reset)},
            {"vmbus", std::move(vmbus)},
            {"acpi", {{"s4", definition.acpi_s4}}}};
}

}  // namespace hvis::manager
