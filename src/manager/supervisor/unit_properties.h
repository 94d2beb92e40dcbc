#pragma once

#include "manager/supervisor/bus.h"
#include "manager/supervisor/launcher.h"

namespace hvis::manager {

/// Appends the properties of a worker's unit, a(sv), to a StartTransientUnit message. Less than
/// zero: an errno value, negative.
int append_unit_properties(sd_bus_message* message, const Launcher::Order& order, Bus::Scope scope);

}  // namespace hvis::manager
