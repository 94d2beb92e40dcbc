#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "wire/kvp.h"

namespace hvis::ic {

using wire::KvpIpInfo;
using wire::KvpPair;
using wire::KvpPool;

/// Where a guest keeps its pairs. Every method answers at once.
class KvpStore {
public:
    virtual ~KvpStore() = default;
    KvpStore() = default;
    KvpStore(const KvpStore&) = delete;
    KvpStore& operator=(const KvpStore&) = delete;

    /// The pair at `index`, counted from 0 without gaps; nothing past the end.
    [[nodiscard]] virtual std::optional<KvpPair> at(KvpPool pool, uint32_t index) const = 0;
    [[nodiscard]] virtual std::optional<KvpPair> find(KvpPool pool, std::string_view key) const = 0;
    /// Adds or changes; kLimit when the pool is full.
    virtual Result<void> set(KvpPool pool, const KvpPair& pair) = 0;
    /// False if the key is not there.
    virtual bool remove(KvpPool pool, std::string_view key) = 0;

    /// The settings of the adapter with this MAC address, or nothing.
    [[nodiscard]] virtual std::optional<KvpIpInfo> ip_info(std::string_view mac) const = 0;
    /// False if the guest has no such adapter.
    virtual bool set_ip_info(const KvpIpInfo& info) = 0;
};

/// Pairs in memory, in the order in which they came.
class MemoryKvpStore : public KvpStore {
public:
    static constexpr size_t kMaxPairs = 1024;  ///< of one pool

    [[nodiscard]] std::optional<KvpPair> at(KvpPool pool, uint32_t index) const override;
    [[nodiscard]] std::optional<KvpPair> find(KvpPool pool, std::string_view key) const override;
    Result<void> set(KvpPool pool, const KvpPair& pair) override;
    bool remove(KvpPool pool, std::string_view key) override;
    [[nodiscard]] std::optional<KvpIpInfo> ip_info(std::string_view mac) const override;
    bool set_ip_info(const KvpIpInfo& info) override;

    [[nodiscard]] const std::vector<KvpPair>& pairs(KvpPool pool) const;
    /// Adapters that the store knows, by their `adapter` text.
    void add_adapter(const KvpIpInfo& info) { adapters_.push_back(info); }

private:
    std::array<std::vector<KvpPair>, 4> pools_;
    std::vector<KvpIpInfo> adapters_;
};

}  // namespace hvis::ic
