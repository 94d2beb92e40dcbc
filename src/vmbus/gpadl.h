#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "vmbus/channel_limits.h"
#include "vmbus/offer.h"
#include "wire/gpa_ranges.h"
#include "wire/vmbus_messages_guest.h"

namespace hvis::vmbus {

/// The channel that a GPADL belongs to.
struct GpadlOwner {
    OfferId offer;
    uint32_t relid = 0;
    bool operator==(const GpadlOwner&) const = default;
};

/// Guest pages under a handle, complete and well-formed; whether they exist is for GuestMemory.
struct Gpadl {
    GpadlOwner owner;
    wire::GpaRanges memory;
    bool releasing = false;  ///< the guest wants it back, and the channel's device still has it
};

/// How a message about a GPADL ended.
enum class GpadlProgress : uint8_t { kMoreToCome, kComplete };

/// The GPADLs of one connection, with their quotas (channel_limits.h). Linux names them uniquely
/// per connection, so the handle alone is the key.
class GpadlTable {
public:
    /// A header from the guest for a channel that exists. Fails with kLimit past a quota, kInvalid
    /// on a handle in use or a malformed list; then nothing was kept.
    Result<GpadlProgress> begin(OfferId offer, wire::GpadlHeader header);
    /// More words. kNotFound: no such GPADL is unfinished (an extra or stray body). kInvalid: the
    /// list turned out to be malformed, and the GPADL is gone.
    Result<GpadlProgress> append(const wire::GpadlBody& body);

    /// The complete GPADL with this handle, or nullptr. Stays good until it is erased.
    [[nodiscard]] const Gpadl* find(uint32_t handle) const;
    [[nodiscard]] Gpadl* find(uint32_t handle);
    /// Channel of a GPADL whose bodies are on the way.
    [[nodiscard]] std::optional<GpadlOwner> unfinished_owner(uint32_t handle) const;

    void erase(uint32_t handle);
    /// Forgets all that belong to a channel, unfinished ones included.
    void erase_channel(OfferId offer);
    void clear();

    /// Handles of a channel's complete GPADLs that wait for release, ascending.
    [[nodiscard]] std::vector<uint32_t> releasing(OfferId offer) const;

    [[nodiscard]] size_t count() const { return complete_.size() + unfinished_.size(); }
    [[nodiscard]] size_t words() const { return words_; }
    /// True if the sums agree with the contents and no quota is passed.
    [[nodiscard]] bool consistent() const;
    /// True if `known` says so of the channel of every GPADL.
    [[nodiscard]] bool owned_only_by(const std::function<bool(const GpadlOwner&)>& known) const;

private:
    struct Unfinished {
        GpadlOwner owner;
        uint32_t range_count = 0;
        size_t wanted_words = 0;
        std::vector<uint64_t> words;
    };

    Result<GpadlProgress> complete(uint32_t handle);

    std::map<uint32_t, Gpadl> complete_;
    std::map<uint32_t, Unfinished> unfinished_;
    size_t words_ = 0;
};

}  // namespace hvis::vmbus
