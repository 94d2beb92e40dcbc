#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hvis::cli {

/// One server-sent event.
struct ServerEvent {
    std::string type = "message";  ///< the field "event"
    std::string id;                ///< the last "id" of the stream so far
    std::string data;
    bool operator==(const ServerEvent&) const = default;
};

/// Splits a text/event-stream into events (WHATWG HTML, 9.2.6 "Interpreting an event stream").
/// Bytes go in as they come off the connection.
class EventStreamParser {
public:
    /// Longest event; what is longer is dropped as a whole.
    static constexpr size_t kMaxEventBytes = size_t{4} * 1024 * 1024;

    /// The events that these bytes complete.
    std::vector<ServerEvent> feed(std::string_view bytes);

private:
    void take_line(std::string_view line, std::vector<ServerEvent>& events);
    void take_field(std::string_view name, std::string_view value);

    std::string line_;
    ServerEvent current_;
    bool has_data_ = false;
    bool after_return_ = false;  // a line feed that follows belongs to the same end of line
    bool too_long_ = false;
};

}  // namespace hvis::cli
