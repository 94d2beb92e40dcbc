#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>

#include "base/utf16.h"
#include "manager/api/images.h"
#include "manager/api/transfer_manifest.h"
#include "manager/api/transfer_meter.h"

namespace hvis::manager {
namespace {

Result<void, Failure> import_file(int source, int target, const ListedFile& listed, Meter& meter,
                                  const std::atomic<bool>& cancelled) {
    const UniqueFd file = HVIS_TRY(open_regular(source, listed.name));
    meter.begin("copying " + escape_for_display(listed.name));
    const CopiedFile copied = HVIS_TRY(copy_file(
        file.get(), target, listed.role, [&meter](uint64_t bytes) { meter.add(bytes); },
        cancelled));
    if (copied.size != listed.content.size || copied.sha256 != listed.content.sha256) {
        return std::unexpected(refuse_export(
            fmt::format("{} is not what manifest.json says: {} bytes, SHA-256 {}",
                        escape_for_display(listed.name), copied.size, hex_text(copied.sha256)),
            "the export is damaged: make it again"));
    }
    return {};
}

}  // namespace

Result<TransferredVm, Failure> import_from(const std::string& path, const std::string& files,
                                           const Progress& progress,
                                           const std::atomic<bool>& cancelled) {
    const UniqueFd source(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!source) {
        return std::unexpected(file_failure("cannot open " + path));
    }
    Manifest manifest = HVIS_TRY(read_manifest(source.get()));
    for (const Image& image : kImages) {
        const bool listed = std::ranges::find(manifest.files, image.role, &ListedFile::role) !=
                            manifest.files.end();
        if (listed == (manifest.vm.definition.*image.path).empty()) {
            return std::unexpected(refuse_export(fmt::format(
                "manifest.json: the definition and the list of files disagree about the {}",
                image.role)));
        }
    }
    if (manifest.files.empty()) {
        return std::move(manifest.vm);  // No folder either: nothing would lead to it, ever.
    }
    uint64_t total = 0;
    for (const ListedFile& file : manifest.files) {
        total += file.content.size;
    }
    NewDirectory target = HVIS_TRY(NewDirectory::create(files));
    // Before anything else: it says whose the rest is.
    HVIS_CHECK(write_file(target.fd(), std::string(Images::kMark),
                          "hvisd deletes this folder when it starts, unless a VM uses it.\n"));
    Meter meter(progress, total);
    for (const ListedFile& file : manifest.files) {
        HVIS_CHECK(import_file(source.get(), target.fd(), file, meter, cancelled));
        const auto image = std::ranges::find(kImages, file.role, &Image::role);
        manifest.vm.definition.*image->path = files + "/" + file.role;
    }
    HVIS_CHECK(target.commit());
    return std::move(manifest.vm);
}

}  // namespace hvis::manager
