#include "wire/negotiate.h"

#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

/// Linux: struct icmsg_negotiate, without its versions.
struct [[gnu::packed]] NegotiateHeader {
    uint16_t framework_count;
    uint16_t message_count;
    uint32_t reserved;
};
static_assert(sizeof(NegotiateHeader) == 8);

struct [[gnu::packed]] VersionWire {
    uint16_t major;
    uint16_t minor;
};
static_assert(sizeof(VersionWire) == 4);
static_assert(sizeof(NegotiateHeader) + 2 * sizeof(VersionWire) == kNegotiateReplySize);

void put_version(Writer& writer, IcVersion version) {
    writer.put(VersionWire{.major = version.major, .minor = version.minor});
}

Result<IcVersion> take_version(Reader& reader) {
    const auto version = HVIS_TRY(reader.take<VersionWire>());
    return IcVersion{version.major, version.minor};
}

Result<std::vector<IcVersion>> take_versions(Reader& reader, size_t count) {
    if (reader.remaining() / sizeof(VersionWire) < count) {
        return fail(Errc::kProtocol, "negotiation shorter than its version lists");
    }
    std::vector<IcVersion> versions;
    versions.reserve(count);
    for (size_t index = 0; index < count; ++index) {
        versions.push_back(HVIS_TRY(take_version(reader)));
    }
    return versions;
}

}  // namespace

Bytes format_negotiate_offer(const NegotiateOffer& offer) {
    Bytes out;
    Writer writer(out);
    writer.put(NegotiateHeader{.framework_count = static_cast<uint16_t>(offer.framework.size()),
                               .message_count = static_cast<uint16_t>(offer.message.size()),
                               .reserved = 0});
    for (const IcVersion version : offer.framework) {
        put_version(writer, version);
    }
    for (const IcVersion version : offer.message) {
        put_version(writer, version);
    }
    return out;
}

Result<NegotiateOffer> parse_negotiate_offer(ByteView body) {
    Reader reader(body);
    const auto header = HVIS_TRY(reader.take<NegotiateHeader>());
    if (header.framework_count > kMaxNegotiateVersions ||
        header.message_count > kMaxNegotiateVersions) {
        return fail(Errc::kProtocol, "negotiation with too many versions");
    }
    NegotiateOffer offer;
    offer.framework = HVIS_TRY(take_versions(reader, header.framework_count));
    offer.message = HVIS_TRY(take_versions(reader, header.message_count));
    return offer;
}

Bytes format_negotiate_choice(const std::optional<NegotiateChoice>& choice) {
    Bytes out;
    Writer writer(out);
    const uint16_t count = choice ? 1 : 0;
    writer.put(NegotiateHeader{.framework_count = count, .message_count = count, .reserved = 0});
    put_version(writer, choice ? choice->framework : IcVersion{});
    put_version(writer, choice ? choice->message : IcVersion{});
    return out;
}

Result<std::optional<NegotiateChoice>> parse_negotiate_choice(ByteView body) {
    Reader reader(body);
    const auto header = HVIS_TRY(reader.take<NegotiateHeader>());
    if (header.framework_count == 0 && header.message_count == 0) {
        return std::optional<NegotiateChoice>{};
    }
    if (header.framework_count != 1 || header.message_count != 1) {
        return fail(Errc::kProtocol, "negotiation reply does not choose one version of each");
    }
    const auto framework = HVIS_TRY(take_version(reader));
    const auto message = HVIS_TRY(take_version(reader));
    return std::optional(NegotiateChoice{.framework = framework, .message = message});
}

}  // namespace hvis::wire
