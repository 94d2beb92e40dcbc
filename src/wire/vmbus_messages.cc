#include "wire/vmbus_messages.h"

#include <algorithm>
#include <array>

#include "wire/reader.h"

namespace hvis::wire {
namespace {

using enum MessageType;
using enum MessageSender;
using enum VmbusVersion;

constexpr std::array kVersions = {kWin10_5_3, kWin10_5_2, kWin10_5_1, kWin10_5_0,
                                  kWin10_4_1, kWin10,     kWin8_1,    kWin8};

// NOLINTBEGIN(modernize-use-designated-initializers): a table, read by columns
constexpr std::array kMessages = {
    MessageInfo{kOfferChannel, "OFFERCHANNEL", kHost, kWin8, 196},
    MessageInfo{kRescindOffer, "RESCIND_CHANNELOFFER", kHost, kWin8, 12},
    MessageInfo{kRequestOffers, "REQUESTOFFERS", kGuest, kWin8, 8},
    MessageInfo{kAllOffersDelivered, "ALLOFFERS_DELIVERED", kHost, kWin8, 8},
    MessageInfo{kOpenChannel, "OPENCHANNEL", kGuest, kWin8, 148},
    MessageInfo{kOpenChannelResult, "OPENCHANNEL_RESULT", kHost, kWin8, 20},
    MessageInfo{kCloseChannel, "CLOSECHANNEL", kGuest, kWin8, 12},
    MessageInfo{kGpadlHeader, "GPADL_HEADER", kGuest, kWin8, 20},
    MessageInfo{kGpadlBody, "GPADL_BODY", kGuest, kWin8, 16},
    MessageInfo{kGpadlCreated, "GPADL_CREATED", kHost, kWin8, 20},
    MessageInfo{kGpadlTeardown, "GPADL_TEARDOWN", kGuest, kWin8, 16},
    MessageInfo{kGpadlTorndown, "GPADL_TORNDOWN", kHost, kWin8, 12},
    MessageInfo{kRelidReleased, "RELID_RELEASED", kGuest, kWin8, 12},
    MessageInfo{kInitiateContact, "INITIATE_CONTACT", kGuest, kWin8, 40},
    MessageInfo{kVersionResponse, "VERSION_RESPONSE", kHost, kWin8, 16},
    MessageInfo{kUnload, "UNLOAD", kGuest, kWin8, 8},
    MessageInfo{kUnloadResponse, "UNLOAD_RESPONSE", kHost, kWin8, 8},
    MessageInfo{kTlConnectRequest, "TL_CONNECT_REQUEST", kGuest, kWin10, 40},
    MessageInfo{kModifyChannel, "MODIFYCHANNEL", kGuest, kWin10_4_1, 16},
    MessageInfo{kTlConnectResult, "TL_CONNECT_RESULT", kHost, kWin10_4_1, 44},
    MessageInfo{kModifyChannelResponse, "MODIFYCHANNEL_RESPONSE", kHost, kWin10_5_3, 16},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

std::span<const VmbusVersion> vmbus_versions() { return kVersions; }

std::optional<VmbusVersion> vmbus_version_from_wire(uint32_t number) {
    const auto* const found = std::ranges::find(
        kVersions, number, [](VmbusVersion version) { return static_cast<uint32_t>(version); });
    return found == kVersions.end() ? std::nullopt : std::optional(*found);
}

std::string_view to_string(VmbusVersion version) {
    switch (version) {
        case kWin8:
            return "2.4";
        case kWin8_1:
            return "3.0";
        case kWin10:
            return "4.0";
        case kWin10_4_1:
            return "4.1";
        case kWin10_5_0:
            return "5.0";
        case kWin10_5_1:
            return "5.1";
        case kWin10_5_2:
            return "5.2";
        case kWin10_5_3:
            return "5.3";
    }
    return "unknown";
}

std::span<const MessageInfo> message_table() { return kMessages; }

const MessageInfo* find_message(uint32_t number) {
    const auto* const found = std::ranges::find(kMessages, number, [](const MessageInfo& info) {
        return static_cast<uint32_t>(info.type);
    });
    return found == kMessages.end() ? nullptr : found;
}

Result<uint32_t> peek_message_number(ByteView message) {
    Reader reader(message);
    // The second word of the header is padding.
    const auto number = HVIS_TRY(reader.take<uint32_t>());
    (void)HVIS_TRY(reader.take<uint32_t>());
    return number;
}

}  // namespace hvis::wire
