#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace hvis::guests {

/// A folder that goes away with everything in it. Its path is short: sockets live in it.
class Scratch {
public:
    Scratch() {
        std::string pattern = "/tmp/hvis.XXXXXX";
        if (::mkdtemp(pattern.data()) != nullptr) {
            folder_ = pattern;
        }
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    [[nodiscard]] std::string path(const std::string& name) const {
        return (folder_ / name).string();
    }

private:
    std::filesystem::path folder_;
};

}  // namespace hvis::guests
