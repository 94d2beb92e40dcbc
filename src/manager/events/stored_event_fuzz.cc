#include <nlohmann/json.hpp>

#include "manager/events/stored_event.h"
#include "manager/operation.h"

/// What a worker pushed as an event, and what the store has as an operation: never a crash, and an
/// event within its bounds.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::manager;
    const auto json = hvis::control::parse_json(std::string(data, data + size), size_t{1} << 20U);
    if (!json) {
        return 0;
    }
    if (const auto read = workers_event_from_json(**json)) {
        const StoredEvent& event = read->event;
        // Escaping makes four bytes of one.
        if (read->sequence == 0 || event.fields.size() > kMaxEventFields ||
            event.text.size() > 4 * kMaxEventTextBytes || event.text.contains('\n')) {
            __builtin_trap();
        }
        (void)to_json(event);
    }
    if (const auto operation = operation_from_json(**json)) {
        (void)to_json(*operation);
    }
    return 0;
}
