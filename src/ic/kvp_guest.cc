#include "ic/kvp_guest.h"

#include <array>
#include <utility>
#include <variant>

namespace hvis::ic {
namespace {

/// One more than Linux has: 5.0, whose IP settings are binary.
constexpr std::array<Version, 3> kVersions = {{{5, 0}, {4, 0}, {3, 0}}};

}  // namespace

KvpGuest::KvpGuest(KvpStore& store)
    : store_(store), session_(wire::IcMessageType::kKvp, kVersions) {}

Result<std::optional<Bytes>> KvpGuest::packet_received(ByteView packet, const Clocks&) {
    auto received = HVIS_TRY(session_.receive(packet));
    if (auto* reply = std::get_if<Bytes>(&received)) {
        return std::move(*reply);
    }
    const Version version = session_.message_version().value_or(Version{});
    const auto request =
        wire::parse_kvp_request(std::get<GuestSession::Request>(received).body, version);
    if (!request) {
        return wire::format_ic_reply(packet, wire::kIcFail, {});
    }
    const auto answer = std::visit([this](const auto& each) { return carry_out(each); }, *request);
    return wire::format_ic_reply(packet, answer.status, answer.body);
}

KvpGuest::Answer KvpGuest::carry_out(const wire::KvpGet& request) const {
    const auto pair = store_.find(request.pool, request.key);
    if (!pair) {
        return {wire::kIcNoMoreItems, {}};
    }
    return answer_of(wire::format_kvp_got(request.pool, *pair));
}

KvpGuest::Answer KvpGuest::carry_out(const wire::KvpSet& request) {
    return {store_.set(request.pool, request.pair) ? wire::kIcOk : wire::kIcNoMoreItems, {}};
}

KvpGuest::Answer KvpGuest::carry_out(const wire::KvpDelete& request) {
    return {store_.remove(request.pool, request.key) ? wire::kIcOk : wire::kIcNoMoreItems, {}};
}

KvpGuest::Answer KvpGuest::carry_out(const wire::KvpEnumerate& request) const {
    const auto pair = store_.at(request.pool, request.index);
    if (!pair) {
        return {wire::kIcNoMoreItems, {}};
    }
    return answer_of(wire::format_kvp_enumerated(request.pool, request.index, *pair));
}

KvpGuest::Answer KvpGuest::carry_out(const wire::KvpGetIpInfo& request) const {
    const auto info = store_.ip_info(request.adapter);
    if (!info) {
        return {wire::kIcFail, {}};
    }
    return answer_of(
        wire::format_kvp_ip_info(*info, session_.message_version().value_or(Version{})));
}

KvpGuest::Answer KvpGuest::carry_out(const wire::KvpSetIpInfo& request) {
    if (!wire::check_kvp_ip_info(request.info)) {
        return {wire::kIcInvalidArgument, {}};
    }
    return {store_.set_ip_info(request.info) ? wire::kIcOk : wire::kIcGuidNotFound, {}};
}

KvpGuest::Answer KvpGuest::answer_of(Result<Bytes> body) {
    if (!body) {
        return {wire::kIcFail, {}};
    }
    return {wire::kIcOk, std::move(*body)};
}

}  // namespace hvis::ic
