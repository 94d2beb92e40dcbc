#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/failure.h"
#include "manager/definition/vm_definition.h"
#include "manager/store/store.h"

namespace hvis::manager {

/// A VM outside of hvisd: a directory with manifest.json, which names every file with its size and
/// SHA-256, and SHA256SUMS, which covers all of them and the manifest. The directory has its final
/// name only when it is complete.
///
/// Everything here reads and writes files for long: not for the manager thread.
inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr int kManifestVersion = 1;
inline constexpr size_t kMaxManifest = 1024 * 1024;
inline constexpr size_t kMaxTransferFiles = 64;

struct TransferredVm {
    VmDefinition definition;
    std::vector<HeldPair> pairs;
};

/// From 0 to 1; called now and then.
using Progress = std::function<void(double fraction, const std::string& step)>;

/// Writes the VM with its kernel and initrd into the new directory `path`. A directory that is
/// there already, a full disk and a cancelled copy leave nothing behind.
Result<void, Failure> export_to(const std::string& path, const TransferredVm& vm,
                                const Progress& progress, const std::atomic<bool>& cancelled);

/// Reads an exported VM and copies its files into the new directory `files`, to which the
/// definition then points; Images::kMark stays in it. Refused: half exports, files that differ from
/// the manifest or from SHA256SUMS, names that lead out of the directory, links, manifests of a
/// newer hvisd. Leaves nothing behind when it fails.
Result<TransferredVm, Failure> import_from(const std::string& path, const std::string& files,
                                           const Progress& progress,
                                           const std::atomic<bool>& cancelled);

}  // namespace hvis::manager
