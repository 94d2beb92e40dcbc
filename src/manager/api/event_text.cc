#include "manager/api/event_text.h"

#include <fmt/format.h>

namespace hvis::manager {

std::string server_event(std::string_view type, std::optional<uint64_t> id,
                         const control::Json& data) {
    std::string text;
    if (id) {
        text += fmt::format("id: {}\n", *id);
    }
    return text + fmt::format("event: {}\ndata: {}\n\n", type, control::dump_json(data));
}

}  // namespace hvis::manager
