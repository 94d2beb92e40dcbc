#include "manager/definition/missing_files.h"

#include <cerrno>
#include <string_view>
#include <system_error>

#include <unistd.h>

namespace hvis::manager {

std::vector<std::string> missing_files(const VmDefinition& definition) {
    std::vector<std::string> texts;
    if (definition.partition == PartitionKind::kLoopback) {
        return texts;  // it has no use for them
    }
    const auto look_at = [&](std::string_view field, const std::string& path) {
        if (!path.empty() && ::access(path.c_str(), R_OK) != 0) {
            texts.push_back("the " + std::string(field) + " " + path +
                            " cannot be read: " + std::generic_category().message(errno));
        }
    };
    look_at("kernel", definition.kernel);
    look_at("initrd", definition.initrd);
    return texts;
}

}  // namespace hvis::manager
