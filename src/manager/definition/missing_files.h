#pragma once

#include <string>
#include <vector>

#include "manager/definition/vm_definition.h"

namespace hvis::manager {

/// The files of a definition that cannot be read now, each as a sentence with its path: no reason
/// to refuse the definition, for they may come before the start, but worth saying.
std::vector<std::string> missing_files(const VmDefinition& definition);

}  // namespace hvis::manager
