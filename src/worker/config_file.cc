#include "worker/config_file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace hvis::worker {
namespace {

using control::FieldError;

std::unexpected<FieldError> file_error(const char* what, int error) {
    return std::unexpected(
        FieldError{.pointer = {},
                   .message = std::string(what) + ": " + std::generic_category().message(error)});
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

Result<Config, FieldError> load_config(const std::string& path) {
    return parse_config(HVIS_TRY(read_config_file(path)));
}

}  // namespace hvis::worker
