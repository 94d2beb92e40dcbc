#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "control/json.h"

namespace hvis::control {

/// Longest output of `hvis-vm --probe --json`.
inline constexpr size_t kMaxProbe = size_t{1024} * 1024;

/// Whether guests run here, by what `hvis-vm --probe --json` found. hvisd and `hvis doctor` both
/// judge by this, so that they say the same.
struct KvmVerdict {
    size_t capabilities = 0;    ///< so many were looked for
    std::string lacks_needed;   ///< "KVM_CAP_A (Linux 4.14), …": no guest runs without them
    std::string lacks_wanted;   ///< without these guests run, with fewer enlightenments
    std::string processor_bad;  ///< why no virtual processor with SynIC can be made, or empty

    [[nodiscard]] bool usable() const { return lacks_needed.empty() && processor_bad.empty(); }
    /// One line; empty when nothing is lacking.
    [[nodiscard]] std::string text() const;
};

/// Fails on what is no report of a probe.
Result<KvmVerdict, FieldError> judge_kvm(std::string_view report);

}  // namespace hvis::control
