#include "ic/host_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/negotiate.h"

namespace hvis::ic {
namespace {

/// Linux: UTIL_WS2K8_FW_VERSION and UTIL_FW_VERSION.
constexpr std::array<Version, 2> kFrameworkVersions = {{{1, 0}, {3, 0}}};

/// Negotiations have this id, transactions 1 to 255. OpenVMM's host does the same.
constexpr uint8_t kNegotiationTransaction = 0;

bool holds(std::span<const Version> versions, Version version) {
    return std::ranges::find(versions, version) != versions.end();
}

}  // namespace

HostSession::HostSession(const SessionProfile& profile, std::optional<Version> newest)
    : profile_(profile) {
    if (newest) {
        const auto end = std::ranges::upper_bound(profile.versions, *newest);
        const auto count = static_cast<size_t>(end - profile.versions.begin());
        profile_.versions = profile.versions.first(std::max<size_t>(count, 1));
        capped_ = profile_.versions.size() < profile.versions.size();
    }
}

void HostSession::opened(TimePoint now) {
    closed();
    phase_ = Phase::kNegotiating;
    offer_due_ = true;
    offer_timeout_ = now + kNegotiationTimeout;
}

void HostSession::closed() {
    phase_ = Phase::kClosed;
    framework_ = {};
    message_ = {};
    offer_due_ = false;
    offers_ = 0;
    offer_timeout_.reset();
    offer_overdue_ = false;
    outstanding_.reset();
    abandoned_ = 0;
    unresponsive_ = false;
    signal_again_ = false;
}

void HostSession::broken() {
    closed();
    phase_ = Phase::kBroken;
}

void HostSession::paused(TimePoint now) {
    if (!std::exchange(paused_, true)) {
        paused_at_ = now;
    }
}

Duration HostSession::resumed(TimePoint now) {
    if (!std::exchange(paused_, false)) {
        return {};
    }
    if (offer_timeout_) {
        offer_timeout_ = now + kNegotiationTimeout;
    }
    forget_at_ = now + kForgetAbandoned;
    return now - paused_at_;
}

std::optional<Error> HostSession::refusal() const {
    if (!enabled_) {
        return kErrorDisabled;
    }
    if (!ready()) {
        return kErrorNotConnected;
    }
    if (paused_) {
        return kErrorPaused;
    }
    return std::nullopt;
}

std::optional<Bytes> HostSession::next_offer(TimePoint now) {
    if (!offer_due_) {
        return std::nullopt;
    }
    offer_due_ = false;
    ++offers_;
    offer_timeout_ = now + kNegotiationTimeout;
    const wire::NegotiateOffer offer{
        .framework = {kFrameworkVersions.begin(), kFrameworkVersions.end()},
        .message = {profile_.versions.begin(), profile_.versions.end()}};
    // The versions in a negotiation's own header mean nothing: channel_mgmt.c does not read them.
    wire::IcHeader header;
    header.type = std::to_underlying(wire::IcMessageType::kNegotiate);
    header.transaction = kNegotiationTransaction;
    header.flags = wire::kIcTransaction | wire::kIcRequest;
    return wire::format_ic_packet(header, wire::format_negotiate_offer(offer));
}

bool HostSession::can_begin() const {
    return ready() && enabled_ && !paused_ && !outstanding_ && abandoned_ < kMaxAbandoned;
}

Bytes HostSession::begin(ByteView body) {
    outstanding_ = next_transaction();
    wire::IcHeader header;
    header.framework = framework_;
    header.type = std::to_underlying(profile_.type);
    header.message = message_;
    header.transaction = *outstanding_;
    // Windows guests ignore what is not a transaction (OpenVMM hyperv_ic/src/timesync.rs).
    header.flags = wire::kIcTransaction | wire::kIcRequest;
    return wire::format_ic_packet(header, body);
}

void HostSession::abandon(TimePoint now) {
    if (outstanding_) {
        outstanding_.reset();
        ++abandoned_;
        forget_at_ = now + kForgetAbandoned;
    }
}

void HostSession::time_out(TimePoint now) {
    abandon(now);
    unresponsive_ = unresponsive_ || !paused_;
    note_silence();
}

Result<HostSession::Received> HostSession::receive(ByteView packet, TimePoint now) {
    const auto message = HVIS_TRY(wire::parse_ic_packet(packet));
    constexpr uint8_t kAnswer = wire::kIcTransaction | wire::kIcResponse;
    if ((message.header.flags & kAnswer) != kAnswer) {
        return fail(Errc::kProtocol, "integration message is not the answer to a transaction");
    }
    if (message.header.type == std::to_underlying(wire::IcMessageType::kNegotiate)) {
        return negotiation_reply(message);
    }
    if (message.header.type != std::to_underlying(profile_.type)) {
        return fail(Errc::kProtocol, "integration message of another service");
    }
    if (!ready()) {
        return Received{};  // From before this opening: OpenVMM hyperv_ic/src/common.rs drops it.
    }
    unresponsive_ = false;
    if (outstanding_ && message.header.transaction == *outstanding_) {
        outstanding_.reset();
        abandoned_ = 0;  // Guests answer in order: what came before will not be answered any more.
        return Received{
            .event = Event::kReply, .status = message.header.status, .body = message.body};
    }
    if (abandoned_ != 0) {
        --abandoned_;
        forget_at_ = now + kForgetAbandoned;
    }
    return Received{};
}

Result<HostSession::Received> HostSession::negotiation_reply(const wire::IcPacket& packet) {
    if (phase_ != Phase::kNegotiating || offers_ == 0) {
        return Received{};  // The answer to a repeated offer.
    }
    const auto choice = HVIS_TRY(wire::parse_negotiate_choice(packet.body));
    const bool offered = choice && holds(kFrameworkVersions, choice->framework) &&
                         holds(profile_.versions, choice->message);
    // One that chose what was not offered is asked again for as long as there are offers left;
    // after the last nothing would ever follow.
    if (!choice || (!offered && offers_ == kMaxOffers)) {
        phase_ = Phase::kMismatch;
        offer_due_ = false;
        offer_timeout_.reset();
        offer_overdue_ = false;
        return Received{.event = Event::kMismatch};
    }
    if (!offered) {
        return fail(Errc::kProtocol, "the guest chose a version that was not offered");
    }
    phase_ = Phase::kReady;
    framework_ = choice->framework;
    message_ = choice->message;
    offer_due_ = false;
    offer_timeout_.reset();
    offer_overdue_ = false;
    return Received{.event = Event::kNegotiated};
}

void HostSession::timer_fired(TimePoint now) {
    if (paused_) {
        return;  // It fired for the service's own sake.
    }
    if (offer_timeout_ && now >= *offer_timeout_) {
        offer_timeout_.reset();
        offer_overdue_ = true;
        offer_due_ = offers_ < kMaxOffers;
        note_silence();
    }
    if (abandoned_ != 0 && now >= forget_at_) {
        --abandoned_;
        forget_at_ = now + kForgetAbandoned;
    }
}

std::optional<TimePoint> HostSession::next_deadline() const {
    if (paused_) {
        return std::nullopt;
    }
    // Only a full count holds anything back.
    const auto forget = abandoned_ >= kMaxAbandoned ? std::optional(forget_at_) : std::nullopt;
    return earlier(offer_timeout_, forget);
}

ServiceReport HostSession::report() const {
    ServiceReport report;
    if (ready()) {
        report.framework = framework_;
        report.message = message_;
    }
    const auto say = [&](Primary primary, Secondary secondary, std::string_view explanation) {
        report.primary = primary;
        report.secondary = secondary;
        report.explanation = explanation;
        return report;
    };
    if (!enabled_) {
        return say(Primary::kDisabled, Secondary::kOk,
                   "the service is switched off for this VM: enable it to use it");
    }
    if (paused_) {
        return say(Primary::kPaused, Secondary::kOk,
                   "the VM is paused: nothing is asked of the guest until it is resumed");
    }
    switch (phase_) {
        case Phase::kClosed:
            return say(Primary::kNoContact, Secondary::kOk,
                       "the guest has not opened the service's channel: it is still starting, or "
                       "its kernel lacks the driver (hv_utils on Linux)");
        case Phase::kNegotiating:
            if (profile_.needs_daemon) {
                return say(Primary::kNoContact, Secondary::kOk,
                           "the guest has the driver, but no daemon has registered: install "
                           "hyperv-daemons or hvis-guest");
            }
            return say(Primary::kNoContact, Secondary::kOk,
                       "the guest has opened the channel, but has not said which version it "
                       "speaks: if this lasts, reload its driver (hv_utils on Linux)");
        case Phase::kMismatch:
            return say(Primary::kNonRecoverableError, Secondary::kProtocolMismatch,
                       capped_ ? "the guest speaks none of the versions that this host offers: "
                                 "let it have newer ones (hvis vm set NAME --service-version; "
                                 "max_version of the service in hvis-vm's configuration)"
                               : "the guest speaks none of the versions that this host offers: "
                                 "update the integration services in the guest");
        case Phase::kBroken:
            return say(Primary::kNonRecoverableError, Secondary::kCommunicationFailed,
                       "the guest has overwritten the channel's ring buffers: its driver must be "
                       "reloaded (hv_utils on Linux)");
        case Phase::kReady:
            return say(Primary::kOk, Secondary::kOk, "");
    }
    return report;
}

std::string_view HostSession::newer_version_remedy() const {
    return capped_ ? "let it have newer ones (hvis vm set NAME --service-version; max_version of "
                     "the service in hvis-vm's configuration)"
                   : "update the guest";
}

uint8_t HostSession::next_transaction() {
    last_transaction_ = last_transaction_ == 255 ? uint8_t{1} : uint8_t(last_transaction_ + 1);
    return last_transaction_;
}

}  // namespace hvis::ic
