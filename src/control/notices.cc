#include "control/notices.h"

#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

struct Body {
    Json& packet;

    void operator()(const WatchingNotice& notice) const {
        packet["watching"] = {{"pool", to_string(notice.pool)}, {"pairs", notice.pairs}};
    }
    void operator()(const KvpChangeNotice& notice) const {
        Json& change = packet["change"];
        change = {{"pool", to_string(notice.pool)}, {"key", notice.key}};
        if (notice.value) {
            change["value"] = *notice.value;
        }
    }
};

}  // namespace

std::string notice_packet(uint64_t id, const Notice& notice) {
    Json packet = {{"id", id}};
    std::visit(Body{packet}, notice);
    return dump_json(packet);
}

}  // namespace hvis::control
