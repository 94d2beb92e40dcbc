#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "vmbus/channel_effects.h"
#include "vmbus/channel_limits.h"
#include "vmbus/channel_state.h"
#include "vmbus/gpadl.h"
#include "vmbus/offer.h"
#include "wire/vmbus_messages_guest.h"
#include "wire/vmbus_messages_host.h"

namespace hvis::vmbus {

/// What one offer looks like from outside, for status pages and tests.
struct OfferStatus {
    ChannelPhase phase = ChannelPhase::kUnoffered;
    uint32_t relid = 0;          ///< 0 while the guest does not know the channel
    uint32_t connection_id = 0;  ///< 0 likewise
    bool wanted = false;         ///< offered by the device (not rescinded)
    bool operator==(const OfferStatus&) const = default;
};

/// Host half of the VMBus control plane: offers, channels and GPADLs of one guest.
///
/// No I/O: the owner hands in what the guest posted and what its devices want, then carries out
/// take_effects() in order, and then posts next_message() whenever the guest's slot is free.
/// Nothing a guest sends can fail more than its own request. VM loop thread only; not thread-safe.
class ChannelServer {
public:
    struct Config {
        wire::VmbusVersion max_version = wire::VmbusVersion::kWin10_5_3;
        uint32_t processor_count = 1;
    };

    explicit ChannelServer(Config config) : config_(config) {}

    // From the guest.

    /// False while too many answers wait: leave the guest's next message where it is, so that
    /// HvPostMessage comes to answer HV_STATUS_INSUFFICIENT_BUFFERS.
    [[nodiscard]] bool can_accept_message() const;

    /// One posted message, a private copy. The error is for the log: the server has dealt with it.
    /// kLimit without any effect if !can_accept_message().
    Result<void> handle_message(uint32_t connection_id, ByteView message);

    // From the devices.

    /// Shows a device to the guest, at once if it has asked for offers, else when it does. Fails
    /// with kLimit past kMaxOffers, kInvalid if the same channel is offered already.
    Result<OfferId> add_offer(const OfferParams& params);
    /// Withdraws an offer, its subchannels first: an open channel closes. kNotFound if there is no
    /// such offer; nothing happens if it is withdrawn already.
    Result<void> rescind(OfferId id);
    /// Shows a withdrawn offer again, under a new relid, as soon as the guest has released the old.
    Result<void> reoffer(OfferId id);
    /// rescind(), and the server forgets the offer as soon as guest and device have let go.
    Result<void> remove(OfferId id);

    /// Answer to OpenChannel; status is an NTSTATUS, 0 for success. Ignored if the channel is not
    /// opening any more.
    void open_result(OfferId id, uint32_t status);
    /// Answer to CloseChannel.
    void channel_closed(OfferId id);
    /// Answer to ReleaseGpadl.
    void gpadl_released(OfferId id, uint32_t handle);

    /// The VM is being reset or the guest is gone: closes every channel and drops what waits for
    /// the guest; ends with Disconnected{kReset}. Offers stay.
    void reset();

    // To the owner.

    [[nodiscard]] std::vector<ServerEffect> take_effects() { return std::exchange(effects_, {}); }

    /// The message to post next, or nullptr. Valid until the next call of a non-const method.
    [[nodiscard]] const OutgoingMessage* next_message() const;
    /// next_message() was posted, or cannot be delivered (the guest has no message page).
    void message_sent();

    [[nodiscard]] std::optional<wire::VmbusVersion> version() const;
    /// No connection, no open channel: memory may be reset.
    [[nodiscard]] bool is_idle() const;
    [[nodiscard]] std::optional<OfferStatus> status(OfferId id) const;
    /// A complete GPADL of this offer's channel, or nullptr. Valid until a non-const method is
    /// called.
    [[nodiscard]] const Gpadl* gpadl(OfferId offer, uint32_t handle) const;
    /// True if the parts do not contradict each other, which no guest can bring about.
    [[nodiscard]] bool consistent() const;

private:
    struct Offer {
        OfferParams params;
        ChannelState state;
        uint32_t relid = 0;    ///< not 0 from the offer to the guest's release
        bool wanted = true;    ///< not rescinded
        bool removed = false;  ///< to be forgotten when the guest and the device let go
    };

    /// Where the guest wants its messages; the source is always VMBus's.
    struct Target {
        uint32_t vp = 0;
    };
    struct NotConnected {};
    struct ConnectedTo {
        wire::VmbusVersion version;
        Target target;
        bool offers_sent = false;
    };
    /// Waits for devices to close, then answers the contact or the unload, if there is one.
    struct Leaving {
        DisconnectReason reason;
        Target target;
        std::optional<wire::InitiateContact> contact;
        uint32_t contact_connection_id = 0;
    };

    using OfferMap = std::map<OfferId, Offer>;

    // channel_server.cc
    Result<void> dispatch(uint32_t connection_id, uint32_t number,
                          const wire::GuestMessage& message);
    [[nodiscard]] ConnectedTo* connected() { return std::get_if<ConnectedTo>(&connection_); }
    void send(const wire::HostMessage& message);
    void send_to(Target target, const wire::HostMessage& message);
    static uint32_t connection_id_of(uint32_t relid);
    [[nodiscard]] bool offer_is_consistent(OfferId id, const Offer& offer) const;
    /// Debug builds: stops the program if !consistent().
    void validate() const;

    // channel_server_connection.cc
    void on_contact(uint32_t connection_id, const wire::InitiateContact& message);
    /// Here for the completeness of the visit: on_contact has seen it before.
    static Result<void> on(const wire::InitiateContact& /*message*/) { return {}; }
    Result<void> on(const wire::Unload& message);
    Result<void> on(const wire::TlConnectRequest& message);
    void answer_contact(uint32_t connection_id, const wire::InitiateContact& message);
    [[nodiscard]] Target contact_target(const wire::InitiateContact& message) const;
    [[nodiscard]] std::optional<wire::VmbusVersion> acceptable_version(
        uint32_t connection_id, const wire::InitiateContact& message) const;
    void leave(Leaving leaving);
    void finish_leaving();

    // channel_server_offers.cc
    enum class AfterRescind : uint8_t { kKeep, kForget };
    Result<void> on(const wire::RequestOffers& message);
    Result<void> on(const wire::RelidReleased& message);
    Result<void> withdraw(OfferId id, AfterRescind after);
    void withdraw_one(OfferId id, Offer& offer);
    void tell_rescind(Offer& offer);
    void tell_held_rescinds();
    void offer_what_can_be();
    [[nodiscard]] bool can_be_offered(const OfferParams& params) const;
    void offer_now(OfferId id, Offer& offer);
    void forget_relid(OfferId id, Offer& offer);
    void drop_removed();
    [[nodiscard]] OfferMap::iterator find_relid(uint32_t relid);

    // channel_server_channels.cc
    Result<void> on(const wire::OpenChannel& message);
    Result<void> on(const wire::CloseChannel& message);
    Result<void> on(const wire::ModifyChannel& message);
    [[nodiscard]] Result<OpenChannel> plan_open(OfferId id, const Offer& offer,
                                                const wire::OpenChannel& request) const;
    Result<void> start_open(OfferId id, Offer& offer, const wire::OpenChannel& request);
    void start_close(OfferId id, Offer& offer, const ChannelState& next);
    void finish_close(OfferId id, Offer& offer);
    void send_open_result(const wire::OpenChannel& request, uint32_t status);
    static wire::OpenChannel* open_request(ChannelState& state);

    // channel_server_gpadl.cc
    Result<void> on(const wire::GpadlHeader& message);
    Result<void> on(const wire::GpadlBody& message);
    Result<void> on(const wire::GpadlTeardown& message);
    Result<void> answer_gpadl(const GpadlOwner& owner, uint32_t handle,
                              const Result<GpadlProgress>& progress);
    void release_gpadls(OfferId id);
    void torndown(uint32_t handle);

    Config config_;
    std::variant<NotConnected, ConnectedTo, Leaving> connection_;
    OfferMap offers_;
    std::array<OfferId, wire::kLastRelid + 1> by_relid_{};
    GpadlTable gpadls_;
    uint32_t next_offer_ = 1;
    std::deque<OutgoingMessage> messages_;
    std::vector<ServerEffect> effects_;
};

}  // namespace hvis::vmbus
