#pragma once

#include <array>
#include <string_view>

/// VMBus messages as they crossed between hvis-vm and unmodified guests, printed by
/// HVIS_LOG_LEVEL=debug: Debian 12, Linux 6.1.0-56-cloud-amd64, where nothing else is said. For
/// tests, in the notation of wire/test_bytes.h.
namespace hvis::wire::captured {

// INITIATE_CONTACT: 5.3 and, from the same guest, the old form for 4.0; Linux 5.10 for 5.2 and 3.0.
inline constexpr std::string_view kContact53 =
    "0e000000 00000000 03000500 00000000 02000000 00000000 00f0fb1f 00000000 0000f11f "
    "00000000";
inline constexpr std::string_view kContact40 =
    "0e000000 00000000 00000400 00000000 0080f11f 00000000 0090f11f 00000000 00a0f11f "
    "00000000";
inline constexpr std::string_view kContact52 =
    "0e000000 00000000 02000500 00000000 02000000 00000000 0080fc03 00000000 0090fc03 "
    "00000000";
inline constexpr std::string_view kContact30 =
    "0e000000 00000000 00000300 00000000 00e0eb1f 00000000 00d0eb1f 00000000 00c0eb1f "
    "00000000";

// VERSION_RESPONSE: 5.x, 4.0, refused.
inline constexpr std::string_view kAccepted5 = "0f000000 00000000 01000000 04000000";
inline constexpr std::string_view kAccepted40 = "0f000000 00000000 01000000 00000400";
inline constexpr std::string_view kRefused = "0f000000 00000000 00000000 00000000";

// The offers, and their end.
inline constexpr std::string_view kRequestOffers = "03000000 00000000";
inline constexpr std::string_view kOfferHeartbeat =
    "01000000 00000000 394f1657 1591784e ab55382f 3bd5422d 919e14fd e0827d4a afa62a41 "
    "66cbd7c0 00*16 11000000 04 00*123 03000000 00000100 03200000";
inline constexpr std::string_view kAllOffersDelivered = "04000000 00000000";

// A channel opens: its rings, 32 KiB in eight pages.
inline constexpr std::string_view kGpadlHeader =
    "08000000 00000000 03000000 111e0e00 48000100 00800000 00000000 70fd0100 00000000 "
    "71fd0100 00000000 72fd0100 00000000 73fd0100 00000000 74fd0100 00000000 75fd0100 "
    "00000000 76fd0100 00000000 77fd0100 00000000";
inline constexpr std::string_view kGpadlCreated = "0a000000 00000000 03000000 111e0e00 00000000";
inline constexpr std::string_view kOpenChannel =
    "05000000 00000000 03000000 03000000 111e0e00 00000000 04 00*123";
inline constexpr std::string_view kOpenChannelResult =
    "06000000 00000000 03000000 03000000 00000000";

// It moves to another processor.
inline constexpr std::string_view kModifyChannel = "16000000 00000000 03000000 01000000";
inline constexpr std::string_view kModifyChannelResponse = "18000000 00000000 03000000 00000000";

// The driver leaves it.
inline constexpr std::string_view kCloseChannel = "07000000 00000000 03000000";
inline constexpr std::string_view kGpadlTeardown = "0b000000 00000000 03000000 111e0e00";
inline constexpr std::string_view kGpadlTorndown = "0c000000 00000000 111e0e00";

// Another one is withdrawn, and the guest has forgotten it.
inline constexpr std::string_view kRescindOffer = "02000000 00000000 04000000";
inline constexpr std::string_view kRelidReleased = "0d000000 00000000 04000000";

// The end of the connection, here by a panic.
inline constexpr std::string_view kUnload = "10000000 00000000";
inline constexpr std::string_view kUnloadResponse = "11000000 00000000";

// Rings of 256 KiB, which hv_storvsc asks for, in a header and its bodies.
inline constexpr std::string_view kLongGpadlHeader =
    "08000000 00000000 03000000 131e0e00 08020100 00000400 00000000 80f80100 00000000 "
    "81f80100 00000000 82f80100 00000000 83f80100 00000000 84f80100 00000000 85f80100 "
    "00000000 86f80100 00000000 87f80100 00000000 88f80100 00000000 89f80100 00000000 "
    "8af80100 00000000 8bf80100 00000000 8cf80100 00000000 8df80100 00000000 8ef80100 "
    "00000000 8ff80100 00000000 90f80100 00000000 91f80100 00000000 92f80100 00000000 "
    "93f80100 00000000 94f80100 00000000 95f80100 00000000 96f80100 00000000 97f80100 "
    "00000000 98f80100 00000000 99f80100 00000000";
inline constexpr std::string_view kLongGpadlBody1 =
    "09000000 00000000 00000000 131e0e00 9af80100 00000000 9bf80100 00000000 9cf80100 "
    "00000000 9df80100 00000000 9ef80100 00000000 9ff80100 00000000 a0f80100 00000000 "
    "a1f80100 00000000 a2f80100 00000000 a3f80100 00000000 a4f80100 00000000 a5f80100 "
    "00000000 a6f80100 00000000 a7f80100 00000000 a8f80100 00000000 a9f80100 00000000 "
    "aaf80100 00000000 abf80100 00000000 acf80100 00000000 adf80100 00000000 aef80100 "
    "00000000 aff80100 00000000 b0f80100 00000000 b1f80100 00000000 b2f80100 00000000 "
    "b3f80100 00000000 b4f80100 00000000 b5f80100 00000000";
inline constexpr std::string_view kLongGpadlBody2 =
    "09000000 00000000 00000000 131e0e00 b6f80100 00000000 b7f80100 00000000 b8f80100 "
    "00000000 b9f80100 00000000 baf80100 00000000 bbf80100 00000000 bcf80100 00000000 "
    "bdf80100 00000000 bef80100 00000000 bff80100 00000000";

// Linux 5.10: a socket asks for port 0x5678 of the host, where nobody listens.
inline constexpr std::string_view kTlConnectRequest =
    "15000000 00000000 15b0fdce cbfae611 bd586400 6a7986d3 78560000 cbfae611 bd586400 "
    "6a7986d3";
inline constexpr std::string_view kTlConnectResult =
    "17000000 00000000 15b0fdce cbfae611 bd586400 6a7986d3 78560000 cbfae611 bd586400 "
    "6a7986d3 360200c0";

/// All of them, by sender.
inline constexpr auto kFromGuest =
    std::to_array({kContact53, kContact40, kContact52, kContact30, kRequestOffers, kGpadlHeader,
                   kOpenChannel, kModifyChannel, kCloseChannel, kGpadlTeardown, kRelidReleased,
                   kUnload, kLongGpadlHeader, kLongGpadlBody1, kLongGpadlBody2, kTlConnectRequest});
inline constexpr auto kFromHost =
    std::to_array({kAccepted5, kAccepted40, kRefused, kOfferHeartbeat, kAllOffersDelivered,
                   kGpadlCreated, kOpenChannelResult, kModifyChannelResponse, kGpadlTorndown,
                   kRescindOffer, kUnloadResponse, kTlConnectResult});

}  // namespace hvis::wire::captured
