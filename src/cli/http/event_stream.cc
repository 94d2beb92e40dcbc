#include "cli/http/event_stream.h"

#include <utility>

namespace hvis::cli {

std::vector<ServerEvent> EventStreamParser::feed(std::string_view bytes) {
    std::vector<ServerEvent> events;
    for (const char byte : bytes) {
        const bool second_half = after_return_ && byte == '\n';
        after_return_ = byte == '\r';
        if (second_half) {
            continue;
        }
        if (byte == '\r' || byte == '\n') {
            take_line(line_, events);
            line_.clear();
        } else if (line_.size() < kMaxEventBytes) {
            line_ += byte;
        } else {
            too_long_ = true;
        }
    }
    return events;
}

void EventStreamParser::take_line(std::string_view line, std::vector<ServerEvent>& events) {
    if (line.empty()) {
        if (has_data_ && !too_long_) {
            events.push_back(current_);
        }
        current_.type = "message";
        current_.data.clear();
        has_data_ = false;
        too_long_ = false;
        return;
    }
    const size_t colon = line.find(':');
    if (colon == 0) {
        return;  // a comment, sent to keep the connection alive
    }
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    take_field(line.substr(0, colon), value);
}

void EventStreamParser::take_field(std::string_view name, std::string_view value) {
    if (name == "event") {
        current_.type = value;
    } else if (name == "id") {
        current_.id = value;
    } else if (name == "data") {
        if (current_.data.size() + value.size() > kMaxEventBytes) {
            too_long_ = true;
            return;
        }
        current_.data += (has_data_ ? "\n" : "") + std::string(value);
        has_data_ = true;
    }
}

}  // namespace hvis::cli
