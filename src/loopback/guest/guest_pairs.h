#pragma once

#include <string>
#include <string_view>

#include "ic/kvp_store.h"

namespace hvis::loopback {

/// The pools of a guest that has one network adapter, though no network: the addresses that the
/// host gives to it are published as the guest's. Loop thread.
class GuestPairs final : public ic::MemoryKvpStore {
public:
    /// The adapter's channel, as KVP names it.
    static constexpr std::string_view kAdapter = "{f8615163-df3e-46c5-913f-f2d2f965ed0e}";

    GuestPairs();
    bool set_ip_info(const ic::KvpIpInfo& info) override;

    /// A fact of the guest.
    void publish(ic::KvpPool pool, std::string key, std::string value);
};

}  // namespace hvis::loopback
