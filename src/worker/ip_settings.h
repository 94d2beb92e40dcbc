#pragma once

#include "base/result.h"
#include "control/commands.h"
#include "wire/kvp_ip.h"

namespace hvis::worker {

/// What the guest is told for ip.set: IPv4 prefix lengths become masks, the adapter's GUID gets its
/// braces, and the families are those of the addresses. Fails on what is no address, with its
/// place.
Result<wire::KvpIpInfo, control::FieldError> ip_settings_of(const control::IpSetCommand& command);

}  // namespace hvis::worker
