#pragma once

#include <set>
#include <string>
#include <vector>

#include "manager/supervisor/vm_summary.h"

namespace hvis::manager {

struct ApiContext;

/// The kernels and initial RAM disks that imports have copied: a folder for each import, below
/// "STATE/images". A VM uses the folders that its definition leads to.
class Images {
public:
    explicit Images(const std::string& directory);

    [[nodiscard]] const std::string& directory() const { return directory_; }
    /// Names of the folders that one of these VMs uses.
    [[nodiscard]] std::set<std::string> used_by(const std::vector<VmSummary>& vms) const;
    /// Deletes these folders with what is in them; one that cannot be stays. Not for the manager
    /// thread.
    void remove(const std::set<std::string>& names) const;

private:
    std::string directory_;
};

/// Where the imports of this hvisd are.
Images images_of(const ApiContext& context);
/// Deletes the folders that this VM, which is gone, used and no other does: on a thread of the
/// background, and not at all when that has too much to do. Manager thread.
void delete_images(ApiContext& context, const VmSummary& gone);

}  // namespace hvis::manager
