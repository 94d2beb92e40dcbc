#include "manager/definition/worker_config.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::Json;

Json pool(const std::vector<control::KvpPair>& pairs) {
    Json object = Json::object();
    for (const auto& [key, value] : pairs) {
        object[key] = value;
    }
    return object;
}

}  // namespace

Json worker_config(const VmDefinition& definition, const HostPairs& pairs,
                   const WorkerPaths& paths) {
    Json config = to_json(definition);
    // What is the manager's own affair.
    for (const char* name : {"description", "autostart", "restart"}) {
        config.erase(name);
    }
    // A worker has a service's switch and its limit in one place.
    for (const auto& [service, version] : config["service_versions"].items()) {
        Json& entry = config["services"][service];
        entry = {{"enabled", Json(entry)}, {"max_version", version}};
    }
    config.erase("service_versions");
    if (definition.partition == PartitionKind::kKvm) {
        config.erase("partition");  // the default, also of a worker that knows no other
    }
    // The worker knows "none" by the field's absence.
    for (const char* name : {"kernel", "initrd", "append"}) {
        if (config[name] == "") {
            config.erase(name);
        }
    }
    config["kvp"] = {{"external", pool(pairs.external)}, {"parameters", pool(pairs.parameters)}};
    config["control"] = paths.control;
    config["serial"] = {{"socket", paths.serial_socket}};
    config["last_words"] = paths.last_words;
    return config;
}

}  // namespace hvis::manager
