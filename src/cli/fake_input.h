#pragma once

#include <stdexcept>
#include <string_view>

#include <sys/mman.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace hvis::cli {

/// Takes the place of the process's standard input, for as long as it lives: `text`, and its end.
class FakeInput {
public:
    explicit FakeInput(std::string_view text)
        : before_(::dup(STDIN_FILENO)), file_(::memfd_create("input", MFD_CLOEXEC)) {
        if (::write(file_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
            ::lseek(file_.get(), 0, SEEK_SET) != 0 || ::dup2(file_.get(), STDIN_FILENO) < 0) {
            throw std::runtime_error("no standard input");
        }
    }
    FakeInput(const FakeInput&) = delete;
    FakeInput& operator=(const FakeInput&) = delete;
    ~FakeInput() { ::dup2(before_.get(), STDIN_FILENO); }

private:
    UniqueFd before_;
    UniqueFd file_;
};

}  // namespace hvis::cli
