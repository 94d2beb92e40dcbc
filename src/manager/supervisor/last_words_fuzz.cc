#include <nlohmann/json.hpp>

#include "manager/events/stored_event.h"
#include "manager/supervisor/last_words.h"

/// The file that a worker left, and the events in it: never a crash, and never a number out of its
/// bounds.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::manager;
    const auto json = hvis::control::parse_json(std::string(data, data + size), kMaxLastWords);
    if (!json) {
        return 0;
    }
    const auto words = parse_last_words(**json);
    if (!words) {
        return 0;
    }
    if (words->next == 0 ||
        (words->exit_status && (*words->exit_status < 0 || *words->exit_status > 255))) {
        __builtin_trap();
    }
    for (const auto& event : words->events) {
        (void)workers_event_from_json(event);
    }
    return 0;
}
