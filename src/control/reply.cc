#include "control/reply.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "control/packet.h"

namespace hvis::control {
namespace {

/// Longest text in an error; six times that still fits when every character must be escaped.
constexpr size_t kMaxFailureText = 2048;

/// Room for `{"id":9007199254740991,"result":` and `,"more":true}` around a result.
constexpr size_t kEnvelopeBytes = 64;

std::string packet_of(uint64_t id, const std::string& result, bool more) {
    return "{\"id\":" + std::to_string(id) + ",\"result\":" + result +
           (more ? ",\"more\":true}" : "}");
}

/// Cuts the list `name` of `result` into slices that fit; empty if one item alone does not.
std::vector<std::string> slices_of(const Json& result, const std::string& name) {
    Json part = result;
    part[name] = Json::array();
    const size_t room = kMaxPacketBytes - kEnvelopeBytes;
    const size_t frame = dump_json(part).size();
    size_t used = frame;
    std::vector<std::string> slices;
    for (const Json& item : result[name]) {
        const size_t size = dump_json(item).size() + 1;
        if (frame + size > room) {
            return {};
        }
        if (used + size > room) {
            slices.push_back(dump_json(part));
            part[name].clear();
            used = frame;
        }
        part[name].push_back(item);
        used += size;
    }
    slices.push_back(dump_json(part));
    return slices;
}

}  // namespace

std::vector<std::string> result_packets(uint64_t id, const Json& result) {
    const std::string whole = dump_json(result);
    if (whole.size() + kEnvelopeBytes <= kMaxPacketBytes) {
        return {packet_of(id, whole, false)};
    }
    std::vector<std::string> slices;
    if (whole.size() <= kMaxReplyBytes) {
        for (const auto& [name, value] : result.items()) {
            if (value.is_array()) {
                slices = slices_of(result, name);
                break;
            }
        }
    }
    if (slices.empty()) {
        return {failure_packet(id, make_failure(ErrorCode::kFailed, "the result is too long",
                                                "ask for less at a time"))};
    }
    std::vector<std::string> packets;
    for (size_t index = 0; index < slices.size(); ++index) {
        packets.push_back(packet_of(id, slices[index], index + 1 < slices.size()));
    }
    return packets;
}

std::string failure_packet(uint64_t id, const Failure& failure) {
    Failure cut = failure;
    for (std::string* text : {&cut.message, &cut.hint, &cut.pointer, &cut.outcome}) {
        text->resize(std::min(text->size(), kMaxFailureText));
    }
    return dump_json({{"id", id}, {"error", to_json(cut)}});
}

}  // namespace hvis::control
