#include "worker/config_file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/unique_fd.h"
#include "control/field_reader.h"

namespace hvis::worker {
namespace {

using control::FieldError;

std::unexpected<FieldError> file_error(const char* what, int error) {
    return std::unexpected(
        FieldError{.pointer = {},
                   .message = std::string(what) + ": " + std::generic_category().message(error)});
}

/// What is wrong elsewhere in the file is of no interest here.
std::string last_words_of(std::string_view text) {
    const auto document = control::parse_json(text, kMaxConfigBytes);
    if (!document || !(*document)->is_object()) {
        return {};
    }
    return control::FieldReader(**document)
        .text("last_words", kMaxPathBytes)
        .value_or(std::string());
}

}  // namespace

Result<std::string, FieldError> read_config_file(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        return file_error("cannot be opened", errno);
    }
    std::string text(kMaxConfigBytes + 1, '\0');
    size_t used = 0;
    while (used < text.size()) {
        const ssize_t length = ::read(file.get(), text.data() + used, text.size() - used);
        if (length < 0 && errno != EINTR) {
            return file_error("cannot be read", errno);
        }
        if (length == 0) {
            break;
        }
        used += static_cast<size_t>(std::max<ssize_t>(length, 0));
    }
    text.resize(used);
    return text;
}

Result<Config, Refusal> load_config(const std::string& path) {
    const auto text = read_config_file(path);
    if (!text) {
        return std::unexpected(Refusal{.error = text.error(), .last_words = {}});
    }
    auto config = parse_config(*text);
    if (!config) {
        return std::unexpected(
            Refusal{.error = config.error(), .last_words = last_words_of(*text)});
    }
    return *std::move(config);
}

}  // namespace hvis::worker
