#include "manager/supervisor/last_words.h"

#include <array>

#include <nlohmann/json.hpp>

#include "control/field_reader.h"
#include "manager/supervisor/vm_files.h"

namespace hvis::manager {
namespace {

constexpr std::array<std::string_view, 3> kStateWords = {"stopped", "crashed", "failed"};
constexpr size_t kMaxReason = 4096;
constexpr size_t kMaxEvents = 65'536;
constexpr control::Bounds kNumber{.lowest = 1, .highest = (int64_t{1} << 53U) - 1};

}  // namespace

Result<LastWords, control::FieldError> parse_last_words(const control::Json& value) {
    LastWords words;
    control::FieldReader reader(value);
    for (const char* name : {"run", "state", "events", "next"}) {
        reader.require(name);
    }
    const auto run = Guid::parse(reader.text("run", 64).value_or(std::string()));
    if (run) {
        words.run = *run;
    } else {
        reader.complain("run", "expected a GUID");
    }
    words.state = static_cast<LastWords::State>(reader.choice("state", kStateWords).value_or(2));
    words.reason = reader.text("reason", kMaxReason).value_or(std::string());
    (void)reader.any("ended");
    if (const auto status = reader.integer("exit_status", {.lowest = 0, .highest = 255})) {
        words.exit_status = static_cast<int>(*status);
    }
    words.next = static_cast<uint64_t>(reader.integer("next", kNumber).value_or(1));
    if (const control::Json* events = reader.list("events", kMaxEvents)) {
        words.events.assign(events->begin(), events->end());
    }
    // What a later worker may add is of no interest.
    if (reader.bad()) {
        HVIS_CHECK(reader.finish());
    }
    return words;
}

Result<std::optional<LastWords>, control::Failure> read_last_words(const std::string& path) {
    const auto text = read_whole(path, kMaxLastWords);
    if (!text) {
        if (text.error().code == control::ErrorCode::kNotFound) {
            return std::nullopt;
        }
        return std::unexpected(text.error());
    }
    const auto document = control::parse_json(*text, kMaxLastWords);
    if (!document) {
        return std::unexpected(control::make_failure(control::ErrorCode::kFailed,
                                                     path + ": " + document.error().to_string()));
    }
    auto words = parse_last_words(**document);
    if (!words) {
        return std::unexpected(control::make_failure(control::ErrorCode::kFailed,
                                                     path + ": " + words.error().to_string()));
    }
    return *std::move(words);
}

}  // namespace hvis::manager
