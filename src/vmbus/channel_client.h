#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/gpa_ranges.h"
#include "wire/vmbus_messages_guest.h"
#include "wire/vmbus_messages_host.h"

namespace hvis::vmbus {

/// Guest half of the VMBus control plane: what Linux has in connection.c and channel.c. Loopback
/// guests are built on it, and it is the test peer of ChannelServer.
///
/// No I/O: the owner calls what it wants done, posts next_message() while the host accepts it,
/// hands in what arrives in the message slot and carries out take_effects(). Trusts nothing that
/// the host sends. Not thread-safe.
class ChannelClient {
public:
    struct Config {
        wire::VmbusVersion max_version = wire::VmbusVersion::kWin10_5_3;
        uint32_t target_vp = 0;
        uint8_t target_sint = 2;
        uint64_t interrupt_page = 0;    ///< guest physical address; versions before 5.0
        uint64_t monitor_page_in = 0;   ///< guest physical address
        uint64_t monitor_page_out = 0;  ///< guest physical address
    };

    /// Posted messages that may wait; past it commands fail with kLimit. A large GPADL is 300.
    static constexpr size_t kMaxQueuedMessages = 1024;

    struct Connected {
        wire::VmbusVersion version;
        bool operator==(const Connected&) const = default;
    };
    /// The host speaks none of our versions.
    struct ContactFailed {
        bool operator==(const ContactFailed&) const = default;
    };
    struct Offered {
        wire::OfferChannel offer;
        bool operator==(const Offered&) const = default;
    };
    struct AllOffersDelivered {
        bool operator==(const AllOffersDelivered&) const = default;
    };
    /// The host took the channel away, whatever was going on: close() it if it was open or opening,
    /// let go of its GPADLs, then release().
    struct Rescinded {
        uint32_t relid;
        bool operator==(const Rescinded&) const = default;
    };
    struct GpadlCreated {
        uint32_t relid;
        uint32_t gpadl;
        uint32_t status;  ///< NTSTATUS; if not 0, there is no such GPADL
        bool operator==(const GpadlCreated&) const = default;
    };
    /// The host does not touch these pages any more.
    struct GpadlTorndown {
        uint32_t gpadl;
        bool operator==(const GpadlTorndown&) const = default;
    };
    struct Opened {
        uint32_t relid;
        uint32_t status;  ///< NTSTATUS; if not 0, the channel stays closed
        bool operator==(const Opened&) const = default;
    };
    /// Answer to retarget(), from 5.3 on.
    struct Retargeted {
        uint32_t relid;
        uint32_t status;  ///< NTSTATUS
        bool operator==(const Retargeted&) const = default;
    };
    struct Unloaded {
        bool operator==(const Unloaded&) const = default;
    };
    using Effect = std::variant<Connected, ContactFailed, Offered, AllOffersDelivered, Rescinded,
                                GpadlCreated, GpadlTorndown, Opened, Retargeted, Unloaded>;

    /// For HvPostMessage, SynIC message type wire::kVmbusMessageType.
    struct PostedMessage {
        uint32_t connection_id = 0;
        Bytes payload;
    };

    struct OpenParams {
        uint32_t ring_gpadl = 0;
        uint32_t target_vp = 0;
        uint32_t downstream_page_offset = 0;
        wire::UserDefined user_data{};
    };

    explicit ChannelClient(Config config) : config_(config) {}

    /// Forgets everything and makes contact, newest version first. Ends with Connected or
    /// ContactFailed.
    void connect();
    /// HvPostMessage said that the connection id of the contact does not exist: tries the next
    /// version, as Linux does.
    void contact_undeliverable();
    Result<void> request_offers();

    /// Ends with GpadlCreated. Returns the handle. kLimit if the ranges are too long for a GPADL.
    Result<uint32_t> create_gpadl(uint32_t relid, const wire::GpaRanges& memory);
    /// Ends with GpadlTorndown. kState while it is being created.
    Result<void> teardown_gpadl(uint32_t gpadl);
    /// Ends with Opened.
    Result<void> open(uint32_t relid, const OpenParams& params);
    /// There is no answer; the GPADLs may be torn down next.
    Result<void> close(uint32_t relid);
    Result<void> retarget(uint32_t relid, uint32_t target_vp);
    /// Forgets a rescinded, closed channel and its GPADLs.
    Result<void> release(uint32_t relid);
    /// Ends with Unloaded; everything is forgotten.
    Result<void> unload();

    /// One message from the host, a private copy. The error is for the log.
    Result<void> handle_message(ByteView message);

    [[nodiscard]] const PostedMessage* next_message() const;
    void message_sent();
    [[nodiscard]] std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }

    [[nodiscard]] bool is_connected() const { return state_ == State::kConnected; }
    /// Channels that are offered, rescinded ones included until release().
    [[nodiscard]] std::vector<uint32_t> relids() const;
    [[nodiscard]] bool is_open(uint32_t relid) const;
    [[nodiscard]] size_t gpadl_count() const { return gpadls_.size(); }

private:
    enum class State : uint8_t { kDisconnected, kContacting, kConnected, kUnloading };
    enum class ChannelUse : uint8_t { kClosed, kOpening, kOpen };
    enum class GpadlUse : uint8_t { kCreating, kCreated, kTearingDown };

    struct Channel {
        wire::OfferChannel offer;
        ChannelUse use = ChannelUse::kClosed;
        bool rescinded = false;
    };
    struct Gpadl {
        uint32_t relid = 0;
        GpadlUse use = GpadlUse::kCreating;
    };

    Result<void> on(const wire::VersionResponse& message);
    Result<void> on(const wire::OfferChannel& message);
    Result<void> on(const wire::AllOffersDelivered& message);
    Result<void> on(const wire::RescindOffer& message);
    Result<void> on(const wire::GpadlCreated& message);
    Result<void> on(const wire::GpadlTorndown& message);
    Result<void> on(const wire::OpenChannelResult& message);
    Result<void> on(const wire::ModifyChannelResponse& message);
    Result<void> on(const wire::UnloadResponse& message);
    static Result<void> on(const wire::TlConnectResult& message);

    void forget_everything();
    void contact_with(wire::VmbusVersion version);
    void try_next_version();
    void post(const wire::GuestMessage& message);
    /// kState if not connected, kLimit if too much waits.
    [[nodiscard]] Result<void> check_ready() const;
    /// The offered, not rescinded channel, or kNotFound.
    Result<Channel*> usable_channel(uint32_t relid);

    Config config_;
    State state_ = State::kDisconnected;
    wire::VmbusVersion version_ = wire::VmbusVersion::kWin10_5_3;
    uint32_t connection_id_ = wire::kMessageConnectionId;
    uint32_t next_gpadl_ = 0xe1e10;  ///< where Linux starts
    std::map<uint32_t, Channel> channels_;
    std::map<uint32_t, Gpadl> gpadls_;
    std::deque<PostedMessage> messages_;
    std::vector<Effect> effects_;
};

}  // namespace hvis::vmbus
