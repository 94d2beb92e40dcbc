#include "manager/api/images.h"

#include <filesystem>
#include <system_error>

#include "base/log.h"
#include "manager/api/api_context.h"
#include "manager/api/transfer_manifest.h"

namespace hvis::manager {

namespace {

/// What mkdtemp() has made and hvisd's end has left without a mark is empty.
bool is_marked(const std::filesystem::path& folder) {
    std::error_code error;
    if (std::filesystem::exists(std::filesystem::symlink_status(folder / Images::kMark, error))) {
        return true;
    }
    return folder.filename().string().find(NewDirectory::kSuffix) != std::string::npos &&
           std::filesystem::is_empty(folder, error);
}

Failure cannot_sweep(const std::filesystem::path& folder, const std::error_code& error) {
    return control::make_failure(
        control::ErrorCode::kFailed,
        "what an import has left in " + folder.string() + " cannot be deleted: " + error.message(),
        "delete it by hand; no VM uses it");
}

}  // namespace

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

std::vector<std::string> Images::unfinished(const std::set<std::string>& used) const {
    std::vector<std::string> names;
    std::error_code error;
    size_t examined = 0;
    for (std::filesystem::directory_iterator next(directory_, error), end;
         !error && next != end && examined < kMaxExamined && names.size() < kMaxSwept;
         next.increment(error), ++examined) {
        const std::string name = next->path().filename().string();
        std::error_code ignored;
        const bool marked =
            next->symlink_status(ignored).type() == std::filesystem::file_type::directory &&
            is_marked(next->path());
        if (marked && used.contains(name)) {
            remove_mark(next->path());
        } else if (marked) {
            names.push_back(name);
        }
    }
    return names;
}

Result<uint64_t, Failure> Images::sweep(const std::string& name) const {
    const std::filesystem::path folder = std::filesystem::path(directory_) / name;
    uint64_t bytes = 0;
    std::error_code error;
    for (const Image& image : kImages) {
        const auto file = folder / image.role;
        const uint64_t size = std::filesystem::file_size(file, error);
        bytes += error ? 0 : size;
        std::filesystem::remove(file, error);
        if (error) {
            return std::unexpected(cannot_sweep(folder, error));
        }
    }
    // The mark last: what is cut short here is swept again.
    for (const auto& path : {folder / kMark, folder}) {
        if (!std::filesystem::remove(path, error) && error) {
            return std::unexpected(cannot_sweep(folder, error));
        }
    }
    return bytes;
}

void remove_mark(const std::string& folder) {
    std::error_code error;
    std::filesystem::remove(std::filesystem::path(folder) / Images::kMark, error);
    if (error) {
        log(LogLevel::kWarning, "api",
            "cannot delete the mark in " + folder + ": " + error.message());
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

void sweep_imports(ApiContext& context) {
    const Images images = images_of(context);
    auto names = images.unfinished(images.used_by(context.supervisor.list()));
    if (names.empty()) {
        return;
    }
    const auto swept = std::make_shared<std::vector<std::pair<std::string, uint64_t>>>();
    context.background.run(
        [images, names = std::move(names), swept](const std::atomic<bool>& cancelled) {
            for (const std::string& name : names) {
                if (cancelled) {
                    return;
                }
                if (const auto bytes = images.sweep(name)) {
                    swept->emplace_back(images.directory() + "/" + name, *bytes);
                } else {
                    log(LogLevel::kWarning, "api",
                        bytes.error().message + "; " + bytes.error().hint);
                }
            }
        },
        [&context, swept] {
            for (const auto& [folder, bytes] : *swept) {
                context.events.record(control::EventId::kImportSwept,
                                      {{"folder", folder}, {"bytes", std::to_string(bytes)}});
            }
        });
}

}  // namespace hvis::manager
