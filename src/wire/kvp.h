#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/ic.h"
#include "wire/kvp_ip.h"

namespace hvis::wire {

/// Linux: enum hv_kvp_exchg_op.
enum class KvpOperation : uint8_t {
    kGet = 0,
    kSet = 1,
    kDelete = 2,
    kEnumerate = 3,
    kGetIpInfo = 4,
    kSetIpInfo = 5,
};

/// Linux: enum hv_kvp_exchg_pool. Its fifth pool never crosses the channel.
enum class KvpPool : uint8_t {
    kExternal = 0,      ///< set by the host
    kGuest = 1,         ///< set inside the guest
    kAuto = 2,          ///< what the guest says of itself
    kAutoExternal = 3,  ///< what the host says of itself: Guest\Parameters
};

/// Field sizes, a NUL included. Linux: HV_KVP_EXCHANGE_MAX_KEY_SIZE and _VALUE_SIZE.
inline constexpr size_t kKvpKeySize = 512;
inline constexpr size_t kKvpValueSize = 2048;
/// Linux answers in the request's buffer, so that every request has the size of the largest.
inline constexpr size_t kKvpBodySize = 2580;

/// Longest key and value in UTF-16 units, without the NUL. Linux: kvp_respond_to_host, which keeps
/// two units of each field free.
inline constexpr size_t kMaxKvpKeyUnits = 254;
inline constexpr size_t kMaxKvpValueUnits = 1022;
/// And in UTF-8 bytes: what a Linux guest's pool file holds; it cuts what is longer.
inline constexpr size_t kMaxKvpKeyBytes = 511;
inline constexpr size_t kMaxKvpValueBytes = 2047;

/// One pair, UTF-8. Numbers that a guest sends become decimal text.
struct KvpPair {
    std::string key;
    std::string value;
    auto operator<=>(const KvpPair&) const = default;
};

/// What a host asks.
struct KvpGet {
    KvpPool pool{};
    std::string key;
    bool operator==(const KvpGet&) const = default;
};
struct KvpSet {
    KvpPool pool{};
    KvpPair pair;
    bool operator==(const KvpSet&) const = default;
};
struct KvpDelete {
    KvpPool pool{};
    std::string key;
    bool operator==(const KvpDelete&) const = default;
};
struct KvpEnumerate {
    KvpPool pool{};
    uint32_t index = 0;
    bool operator==(const KvpEnumerate&) const = default;
};
/// `adapter` is the MAC address, "00:15:5D:…" in upper case.
struct KvpGetIpInfo {
    std::string adapter;
    bool operator==(const KvpGetIpInfo&) const = default;
};
/// `info.adapter` is the network channel's instance, "{f8615163-…}".
struct KvpSetIpInfo {
    KvpIpInfo info;
    bool operator==(const KvpSetIpInfo&) const = default;
};
using KvpRequest =
    std::variant<KvpGet, KvpSet, KvpDelete, KvpEnumerate, KvpGetIpInfo, KvpSetIpInfo>;

/// Fails, with the limit that was passed, on a key or value that a guest could not keep whole.
Result<void> check_kvp_key(std::string_view key);
Result<void> check_kvp_value(std::string_view value);

/// Host to guest. The IP requests need version 4.0, and from 5.0 on have another form.
Result<Bytes> format_kvp_request(const KvpRequest& request, IcVersion version);
Result<KvpRequest> parse_kvp_request(ByteView body, IcVersion version);

/// Guest to host, laid over the request: the answer to kEnumerate at `index`, to kGet, to
/// kGetIpInfo. The other operations answer with a status only.
Result<Bytes> format_kvp_enumerated(KvpPool pool, uint32_t index, const KvpPair& pair);
Result<Bytes> format_kvp_got(KvpPool pool, const KvpPair& pair);
Result<Bytes> format_kvp_ip_info(const KvpIpInfo& info, IcVersion version);
Result<KvpPair> parse_kvp_enumerated(ByteView body);
Result<KvpPair> parse_kvp_got(ByteView body);
Result<KvpIpInfo> parse_kvp_ip_info(ByteView body, IcVersion version);

}  // namespace hvis::wire
