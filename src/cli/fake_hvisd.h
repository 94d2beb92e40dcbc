#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/http/fake_server.h"

namespace hvis::cli {

/// hvisd as its documentation has it: one VM "web" that runs and one "db" that is stopped, with
/// fixed answers to every request of docs/hvisd.md. For tests of the command line.
class FakeHvisd {
public:
    FakeHvisd();

    [[nodiscard]] std::string path() const { return server_.path(); }
    [[nodiscard]] const std::string& directory() const { return server_.directory(); }
    /// What was asked since the last call: "GET /api/v1/vms".
    std::vector<std::string> take_lines();
    /// Answers this request ("GET /api/v1/vms/web") otherwise from now on.
    void answer(const std::string& line, int status, const std::string& body);

private:
    std::string reply(const FakeRequest& request);

    std::mutex mutex_;
    std::map<std::string, std::string> replies_;  // guarded by mutex_
    size_t taken_ = 0;
    FakeServer server_;
};

/// What one run of the command line came to.
struct Outcome {
    int status = -1;
    std::string out;
    std::string err;
};

enum class Place : uint8_t {
    kScript,
    kTerminal,
    kFullDisk,    ///< nothing can be written to standard output
    kReaderGone,  ///< nor here: whoever read the pipe has left
};

/// Runs "hvis WORD…", without a terminal unless it is there. `socket`: where hvisd listens.
Outcome run_hvis(const std::string& socket, std::vector<std::string> words,
                 Place place = Place::kScript);

inline constexpr const char* kWebId = "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f";
inline constexpr const char* kOperationId = "11111111-2222-4333-8444-555555555555";

}  // namespace hvis::cli
