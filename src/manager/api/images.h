#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/failure.h"
#include "manager/supervisor/vm_summary.h"

namespace hvis::manager {

using control::Failure;

struct ApiContext;

/// The kernels and initial RAM disks that imports have copied: a folder for each import, below
/// "STATE/images". A VM uses the folders that its definition leads to.
///
/// A folder that an import has begun has a mark in it until the VM is defined: what hvisd's end cut
/// short is known by that, and swept at the next start. Nothing without the mark is ever touched.
class Images {
public:
    static constexpr std::string_view kMark = ".unfinished-import";
    /// Folders that one start looks at, and those that it sweeps; the next start goes on.
    static constexpr size_t kMaxExamined = 20'000;
    static constexpr size_t kMaxSwept = 256;

    explicit Images(const std::string& directory);

    [[nodiscard]] const std::string& directory() const { return directory_; }
    /// Names of the folders that one of these VMs uses.
    [[nodiscard]] std::set<std::string> used_by(const std::vector<VmSummary>& vms) const;
    /// Deletes these folders with what is in them; one that cannot be stays. Not for the manager
    /// thread.
    void remove(const std::set<std::string>& names) const;

    /// Folders with a mark that are not among `used`, at most kMaxSwept. Those that are lose it.
    [[nodiscard]] std::vector<std::string> unfinished(const std::set<std::string>& used) const;
    /// Deletes what an import puts into such a folder, and the folder; one with anything else in it
    /// stays. Returns how many bytes went. Not for the manager thread.
    [[nodiscard]] Result<uint64_t, Failure> sweep(const std::string& name) const;

private:
    std::string directory_;
};

/// Where the imports of this hvisd are.
Images images_of(const ApiContext& context);
/// Deletes the folders that this VM, which is gone, used and no other does: on a thread of the
/// background, and not at all when that has too much to do. Manager thread.
void delete_images(ApiContext& context, const VmSummary& gone);
/// Sweeps what unfinished imports of an earlier life of hvisd have left, on a thread of the
/// background; each is an event. Manager thread, before the first request.
void sweep_imports(ApiContext& context);
/// The folder's VM is defined.
void remove_mark(const std::string& folder);

}  // namespace hvis::manager
