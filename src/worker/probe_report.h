#pragma once

#include <string>

#include "kvm/probe.h"

namespace hvis::worker {

/// Whether guests run here.
bool is_fit(const kvm::Probe& probe);
/// For `hvis doctor` and other programs: {"capabilities":[{"name","since","needed","present"},…],
/// "processor":bool,"processor_error":text?}.
std::string probe_json(const kvm::Probe& probe);
std::string probe_text(const kvm::Probe& probe);

}  // namespace hvis::worker
