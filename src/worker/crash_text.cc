#include "worker/crash_text.h"

namespace hvis::worker {

std::string_view crash_excerpt(std::string_view text, size_t limit) {
    const size_t panic = text.find("Kernel panic");
    if (panic != std::string_view::npos) {
        return text.substr(panic, limit);
    }
    return text.size() > limit ? text.substr(text.size() - limit) : text;
}

}  // namespace hvis::worker
