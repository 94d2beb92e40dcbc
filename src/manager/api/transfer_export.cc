#include <fcntl.h>
#include <sys/stat.h>

#include "base/utf16.h"
#include "manager/api/transfer_manifest.h"
#include "manager/api/transfer_meter.h"
#include "manager/api/transfer_sums.h"

namespace hvis::manager {
namespace {

uint64_t size_of(const std::string& path) {
    struct stat info{};
    return !path.empty() && ::stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size)
                                                             : 0;
}

}  // namespace

Result<void, Failure> export_to(const std::string& path, const TransferredVm& vm,
                                const Progress& progress, const std::atomic<bool>& cancelled) {
    NewDirectory directory = HVIS_TRY(NewDirectory::create(path));
    uint64_t total = 0;
    for (const Image& image : kImages) {
        total += size_of(vm.definition.*image.path);
    }
    Meter meter(progress, total);
    std::vector<ListedFile> files;
    for (const Image& image : kImages) {
        const std::string& source = vm.definition.*image.path;
        if (source.empty()) {
            continue;
        }
        meter.begin("copying " + escape_for_display(source));
        // A link is the administrator's own here: a kernel is often named by one.
        const UniqueFd file(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        if (!file) {
            return std::unexpected(file_failure("cannot open " + source));
        }
        ListedFile listed{
            .role = std::string(image.role), .name = std::string(image.role), .content = {}};
        listed.content = HVIS_TRY(copy_file(
            file.get(), directory.fd(), listed.name, [&meter](uint64_t bytes) { meter.add(bytes); },
            cancelled));
        files.push_back(std::move(listed));
    }
    const std::string manifest = manifest_text(vm, files);
    HVIS_CHECK(write_file(directory.fd(), std::string(kManifestName), manifest));
    std::vector<SummedFile> sums = {
        {.name = std::string(kManifestName), .sha256 = sha256(manifest)}};
    for (const ListedFile& file : files) {
        sums.push_back({.name = file.name, .sha256 = file.content.sha256});
    }
    HVIS_CHECK(write_file(directory.fd(), std::string(kSumsName), sums_text(sums)));
    return directory.commit();
}

}  // namespace hvis::manager
