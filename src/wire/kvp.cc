#include "wire/kvp.h"

#include <utility>

#include "base/utf16.h"
#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::wire {
namespace {

/// Linux: struct hv_kvp_hdr.
struct [[gnu::packed]] KvpHeader {
    uint8_t operation;
    uint8_t pool;
    uint16_t padding;
};
static_assert(sizeof(KvpHeader) == 4);

/// Linux: struct hv_kvp_exchg_msg_value, without its two arrays.
struct [[gnu::packed]] KvpValueHeader {
    uint32_t type;
    uint32_t key_size;
    uint32_t value_size;
};
static_assert(sizeof(KvpHeader) + sizeof(uint32_t) + sizeof(KvpValueHeader) + kKvpKeySize +
                  kKvpValueSize ==
              kKvpBodySize);

/// Where the text form of the IP settings begins: it is aligned to two bytes, not to four.
/// Linux: struct hv_kvp_ip_msg.
constexpr size_t kIpTextOffset = 2;
/// From this version on they are binary. OpenVMM: KVP_VERSION_5.
constexpr IcVersion kIpTextVersion{4, 0};
constexpr IcVersion kIpBinaryVersion{5, 0};

/// Registry value types. Linux: REG_*, whose REG_U64 is not Windows' REG_QWORD.
constexpr uint32_t kString = 1;
constexpr uint32_t kExpandString = 2;
constexpr uint32_t kNumber32 = 4;
constexpr uint32_t kNumber64Linux = 8;
constexpr uint32_t kNumber64 = 11;

void put_header(Writer& writer, KvpOperation operation, KvpPool pool) {
    writer.put(KvpHeader{.operation = std::to_underlying(operation),
                         .pool = std::to_underlying(pool),
                         .padding = 0});
}

void put_padded(Writer& writer, ByteView text, size_t field) {
    writer.put_bytes(text);
    writer.put_zeros(field - text.size());
}

Result<void> put_pair(Writer& writer, const KvpPair& pair) {
    HVIS_CHECK(check_kvp_key(pair.key));
    HVIS_CHECK(check_kvp_value(pair.value));
    const auto key = HVIS_TRY(to_utf16le(pair.key));
    const auto value = HVIS_TRY(to_utf16le(pair.value));
    writer.put(KvpValueHeader{.type = kString,
                              .key_size = static_cast<uint32_t>(key.size()),
                              .value_size = static_cast<uint32_t>(value.size())});
    put_padded(writer, key, kKvpKeySize);
    put_padded(writer, value, kKvpValueSize);
    return {};
}

Result<std::string> text_of(ByteView field, uint32_t size) {
    if (size > field.size()) {
        return fail(Errc::kProtocol, "text longer than its field");
    }
    return from_utf16le(field.first(size));
}

template <class Number>
Result<std::string> number_of(ByteView field) {
    return std::to_string(HVIS_TRY(Reader(field).take<Number>()));
}

Result<std::string> value_of(uint32_t type, ByteView field, uint32_t size) {
    switch (type) {
        case kString:
        case kExpandString:
            return text_of(field, size);
        case kNumber32:
            return number_of<uint32_t>(field);
        case kNumber64:
        case kNumber64Linux:
            return number_of<uint64_t>(field);
        default:
            return fail(Errc::kProtocol, "value of an unknown registry type");
    }
}

Result<KvpPair> take_pair(Reader& reader) {
    const auto header = HVIS_TRY(reader.take<KvpValueHeader>());
    const auto key = HVIS_TRY(reader.take_bytes(kKvpKeySize));
    const auto value = HVIS_TRY(reader.take_bytes(kKvpValueSize));
    KvpPair pair;
    pair.key = HVIS_TRY(text_of(key, header.key_size));
    pair.value = HVIS_TRY(value_of(header.type, value, header.value_size));
    return pair;
}

/// The key of a get: Linux hosts leave the rest of such a message undefined.
Result<std::string> take_key(Reader& reader, uint32_t size) {
    return text_of(HVIS_TRY(reader.take_bytes(kKvpKeySize)), size);
}

Result<Bytes> format_ip(KvpOperation operation, const KvpIpInfo& info, IcVersion version) {
    if (version < kIpTextVersion) {
        return fail(Errc::kUnsupported, "the guest's KVP version carries no IP settings");
    }
    Bytes out;
    Writer writer(out);
    put_header(writer, operation, KvpPool::kGuest);
    if (version >= kIpBinaryVersion) {
        writer.put_bytes(HVIS_TRY(format_kvp_ip_binary(info)));
    } else {
        out.resize(kIpTextOffset);
        writer.put_bytes(HVIS_TRY(format_kvp_ip_text(info)));
    }
    writer.put_zeros(kKvpIpBodySize - out.size());
    return out;
}

/// Builds the body of every request but the two about IP settings.
class RequestFormatter {
public:
    explicit RequestFormatter(IcVersion version) : version_(version) {}

    Result<Bytes> operator()(const KvpGet& request) const {
        return with_pair(KvpOperation::kGet, request.pool, {request.key, ""});
    }
    Result<Bytes> operator()(const KvpSet& request) const {
        return with_pair(KvpOperation::kSet, request.pool, request.pair);
    }
    Result<Bytes> operator()(const KvpDelete& request) const {
        HVIS_CHECK(check_kvp_key(request.key));
        const auto key = HVIS_TRY(to_utf16le(request.key));
        Bytes out;
        Writer writer(out);
        put_header(writer, KvpOperation::kDelete, request.pool);
        writer.put(static_cast<uint32_t>(key.size()));
        writer.put_bytes(key);
        writer.put_zeros(kKvpBodySize - out.size());
        return out;
    }
    Result<Bytes> operator()(const KvpEnumerate& request) const {
        Bytes out;
        Writer writer(out);
        put_header(writer, KvpOperation::kEnumerate, request.pool);
        writer.put(request.index);
        writer.put_zeros(kKvpBodySize - out.size());
        return out;
    }
    Result<Bytes> operator()(const KvpGetIpInfo& request) const {
        KvpIpInfo info;
        info.adapter = request.adapter;
        return format_ip(KvpOperation::kGetIpInfo, info, version_);
    }
    Result<Bytes> operator()(const KvpSetIpInfo& request) const {
        HVIS_CHECK(check_kvp_ip_info(request.info));
        return format_ip(KvpOperation::kSetIpInfo, request.info, version_);
    }

private:
    static Result<Bytes> with_pair(KvpOperation operation, KvpPool pool, const KvpPair& pair) {
        Bytes out;
        Writer writer(out);
        put_header(writer, operation, pool);
        HVIS_CHECK(put_pair(writer, pair));
        writer.put_zeros(kKvpBodySize - out.size());
        return out;
    }

    IcVersion version_;
};

Result<KvpPool> pool_of(uint8_t number) {
    if (number > std::to_underlying(KvpPool::kAutoExternal)) {
        return fail(Errc::kProtocol, "no such key/value pool");
    }
    return static_cast<KvpPool>(number);
}

Result<KvpRequest> parse_ip_request(KvpOperation operation, ByteView body, IcVersion version) {
    auto info = HVIS_TRY(parse_kvp_ip_info(body, version));
    if (operation == KvpOperation::kGetIpInfo) {
        return KvpGetIpInfo{.adapter = std::move(info.adapter)};
    }
    return KvpSetIpInfo{.info = std::move(info)};
}

}  // namespace

Result<void> check_kvp_key(std::string_view key) {
    if (key.empty()) {
        return fail(Errc::kInvalid, "the key is empty");
    }
    if (key.size() > kMaxKvpKeyBytes) {
        return fail(Errc::kLimit, "the key is longer than 511 bytes of UTF-8");
    }
    if (HVIS_TRY(to_utf16le(key)).size() > (kMaxKvpKeyUnits + 1) * 2) {
        return fail(Errc::kLimit, "the key is longer than 254 characters");
    }
    return {};
}

Result<void> check_kvp_value(std::string_view value) {
    if (value.size() > kMaxKvpValueBytes) {
        return fail(Errc::kLimit, "the value is longer than 2047 bytes of UTF-8");
    }
    if (HVIS_TRY(to_utf16le(value)).size() > (kMaxKvpValueUnits + 1) * 2) {
        return fail(Errc::kLimit, "the value is longer than 1022 characters");
    }
    return {};
}

Result<Bytes> format_kvp_request(const KvpRequest& request, IcVersion version) {
    return std::visit(RequestFormatter(version), request);
}

Result<KvpRequest> parse_kvp_request(ByteView body, IcVersion version) {
    Reader reader(body);
    const auto header = HVIS_TRY(reader.take<KvpHeader>());
    const auto operation = static_cast<KvpOperation>(header.operation);
    if (operation == KvpOperation::kGetIpInfo || operation == KvpOperation::kSetIpInfo) {
        return parse_ip_request(operation, body, version);
    }
    const auto pool = HVIS_TRY(pool_of(header.pool));
    if (operation == KvpOperation::kSet) {
        return KvpSet{.pool = pool, .pair = HVIS_TRY(take_pair(reader))};
    }
    if (operation == KvpOperation::kGet) {
        const auto value = HVIS_TRY(reader.take<KvpValueHeader>());
        return KvpGet{.pool = pool, .key = HVIS_TRY(take_key(reader, value.key_size))};
    }
    if (operation == KvpOperation::kDelete) {
        const auto size = HVIS_TRY(reader.take<uint32_t>());
        return KvpDelete{.pool = pool, .key = HVIS_TRY(take_key(reader, size))};
    }
    if (operation == KvpOperation::kEnumerate) {
        return KvpEnumerate{.pool = pool, .index = HVIS_TRY(reader.take<uint32_t>())};
    }
    return fail(Errc::kProtocol, "no such key/value operation");
}

Result<Bytes> format_kvp_enumerated(KvpPool pool, uint32_t index, const KvpPair& pair) {
    Bytes out;
    Writer writer(out);
    put_header(writer, KvpOperation::kEnumerate, pool);
    writer.put(index);
    HVIS_CHECK(put_pair(writer, pair));
    return out;
}

Result<Bytes> format_kvp_got(KvpPool pool, const KvpPair& pair) {
    Bytes out;
    Writer writer(out);
    put_header(writer, KvpOperation::kGet, pool);
    HVIS_CHECK(put_pair(writer, pair));
    return out;
}

Result<Bytes> format_kvp_ip_info(const KvpIpInfo& info, IcVersion version) {
    return format_ip(KvpOperation::kGetIpInfo, info, version);
}

Result<KvpPair> parse_kvp_enumerated(ByteView body) {
    Reader reader(body);
    HVIS_CHECK(reader.take<KvpHeader>());
    HVIS_CHECK(reader.take<uint32_t>());
    return take_pair(reader);
}

Result<KvpPair> parse_kvp_got(ByteView body) {
    Reader reader(body);
    HVIS_CHECK(reader.take<KvpHeader>());
    return take_pair(reader);
}

Result<KvpIpInfo> parse_kvp_ip_info(ByteView body, IcVersion version) {
    if (version < kIpTextVersion) {
        return fail(Errc::kProtocol, "IP settings in a KVP version without them");
    }
    Reader reader(body);
    if (version >= kIpBinaryVersion) {
        HVIS_CHECK(reader.take<KvpHeader>());
        return parse_kvp_ip_binary(reader.rest());
    }
    HVIS_CHECK(reader.take_bytes(kIpTextOffset));
    return parse_kvp_ip_text(reader.rest());
}

}  // namespace hvis::wire
