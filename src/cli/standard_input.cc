#include "cli/standard_input.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <unistd.h>

namespace hvis::cli {

Result<std::string, control::Failure> read_input(Until until, size_t most, int interrupt) {
    std::string text;
    std::array<char, 65536> piece = {};
    while (text.size() < most) {
        HVIS_CHECK(wait_for(STDIN_FILENO, POLLIN, {.deadline = {}, .interrupt = interrupt}));
        // What comes after the line is not ours to take.
        const size_t room = until == Until::kLine ? 1 : std::min(piece.size(), most - text.size());
        const ssize_t got = ::read(STDIN_FILENO, piece.data(), room);
        if (got < 0 && errno != EINTR) {
            return std::unexpected(
                control::make_failure(control::ErrorCode::kFailed,
                                      std::string("standard input: ") + std::strerror(errno)));
        }
        if (got == 0 || (got == 1 && until == Until::kLine && piece.front() == '\n')) {
            break;
        }
        text.append(piece.data(), got < 0 ? 0 : static_cast<size_t>(got));
    }
    return text;
}

}  // namespace hvis::cli
