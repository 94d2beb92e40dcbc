#include "manager/config.h"

/// A configuration file: never a crash, an error of one line, and never a value out of its bounds.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    using namespace hvis::manager;
    const std::string text(data, data + size);
    // Only what is said in the text is read, never a file that it names.
    if (text.contains("secret_file")) {
        return 0;
    }
    const auto config = parse_config(
        text, "f", {.root = true, .home = {}, .xdg_state_home = {}, .xdg_runtime_dir = {}});
    if (!config) {
        if (config.error().contains('\n')) {
            __builtin_trap();
        }
        return 0;
    }
    for (const WebhookConfig& webhook : config->hooks.webhooks) {
        if (webhook.name.empty() || webhook.url.empty() || webhook.key.empty()) {
            __builtin_trap();
        }
    }
    if (config->events.keep < 1000 || config->socket.mode > 0777) {
        __builtin_trap();
    }
    return 0;
}
