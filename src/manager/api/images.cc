#include "manager/api/images.h"

#include <filesystem>
#include <system_error>

#include "base/log.h"
#include "manager/api/api_context.h"

namespace hvis::manager {

Images::Images(const std::string& directory)
    : directory_(std::filesystem::path(directory).lexically_normal().string()) {}

std::set<std::string> Images::used_by(const std::vector<VmSummary>& vms) const {
    std::set<std::string> names;
    const std::string begin = directory_ + "/";
    for (const VmSummary& vm : vms) {
        for (const std::string& path : {vm.definition.kernel, vm.definition.initrd}) {
            // However the administrator wrote it.
            const std::string plain = std::filesystem::path(path).lexically_normal().string();
            const size_t end = plain.find('/', begin.size());
            if (plain.starts_with(begin) && end != std::string::npos) {
                names.insert(plain.substr(begin.size(), end - begin.size()));
            }
        }
    }
    return names;
}

void Images::remove(const std::set<std::string>& names) const {
    for (const std::string& name : names) {
        std::error_code error;
        std::filesystem::remove_all(directory_ + "/" + name, error);
        if (error) {
            log(LogLevel::kWarning, "api",
                "cannot delete " + directory_ + "/" + name + ": " + error.message());
        }
    }
}

Images images_of(const ApiContext& context) {
    return Images(context.info.state_directory + "/images");
}

void delete_images(ApiContext& context, const VmSummary& gone) {
    const Images images = images_of(context);
    std::set<std::string> names = images.used_by({gone});
    if (names.empty()) {
        return;
    }
    for (const std::string& name : images.used_by(context.supervisor.list())) {
        names.erase(name);
    }
    context.background.run(
        [images, names = std::move(names)](const std::atomic<bool>&) { images.remove(names); },
        [] {});
}

}  // namespace hvis::manager
