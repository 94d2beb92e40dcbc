#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "manager/api/file_copy.h"
#include "manager/api/transfer.h"

namespace hvis::manager {

/// The files of a VM: what the definition calls them, and how they are called in the export.
struct Image {
    std::string_view role;
    std::string VmDefinition::* path;
};
inline constexpr std::array<Image, 2> kImages = {
    Image{.role = "kernel", .path = &VmDefinition::kernel},
    Image{.role = "initrd", .path = &VmDefinition::initrd},
};

/// One line of the manifest's list of files.
struct ListedFile {
    std::string role;
    std::string name;
    CopiedFile content;
};

struct Manifest {
    TransferredVm vm;
    std::vector<ListedFile> files;
};

/// The text of manifest.json.
std::string manifest_text(const TransferredVm& vm, const std::vector<ListedFile>& files);

/// Reads the manifest in an open directory and holds it against the checksums there. What it says
/// of the files is not compared with the files themselves.
Result<Manifest, Failure> read_manifest(int directory);

/// What is refused because the export is not one, or is damaged.
Failure refuse_export(std::string message, std::string hint = {});

}  // namespace hvis::manager
