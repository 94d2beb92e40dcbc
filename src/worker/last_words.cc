#include "worker/last_words.h"

#include <chrono>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "control/results.h"
#include "control/time_text.h"
#include "worker/fatal_words.h"

namespace hvis::worker {
namespace {

using control::Json;

std::string words(const std::string& run, const Ending& ending, const control::EventLog& log) {
    Json events = Json::array();
    for (const auto& event : log.since(0, control::EventLog::kCapacity)) {
        events.push_back(control::to_json(event));
    }
    const auto now = WallTime::from_system(std::chrono::system_clock::now());
    return control::dump_json({{"run", run},
                               {"ended", control::time_text(now)},
                               {"state", to_string(ending.state)},
                               {"reason", ending.reason},
                               {"exit_status", ending.exit_status},
                               {"events", std::move(events)},
                               {"next", log.next_sequence()}}) +
           "\n";
}

/// Takes away the new file that a killed worker left. A living one has a lock on its own. What is
/// not a file of ours, such as a link into somebody else's, is not followed.
Result<void> remove_stale(int directory, const std::string& name) {
    const UniqueFd old(::openat(directory, name.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!old && errno == ENOENT) {
        return {};
    }
    if (old && ::flock(old.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail(Errc::kState, "another worker is to leave its last words there");
    }
    return ::unlinkat(directory, name.c_str(), 0) == 0
               ? Result<void>()
               : fail_errno("the file of \"last_words\" cannot be replaced");
}

Result<void> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return fail_errno("write");
        }
        text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
    }
    return {};
}

}  // namespace

Result<LastWords> LastWords::open(const std::string& path, const Guid& run) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    std::string name = path.substr(slash + 1);
    if (name.empty() || name == "." || name == "..") {
        return fail(Errc::kInvalid, "\"last_words\" in the configuration must name a file");
    }
    UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        return fail_errno("the directory of \"last_words\" cannot be opened");
    }
    const std::string new_name = name + ".new";
    HVIS_CHECK(remove_stale(directory.get(), new_name));
    UniqueFd file(::openat(directory.get(), new_name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) {
        return fail_errno("the file of \"last_words\" cannot be made");
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail_errno("flock");
    }
    return LastWords(std::move(directory), std::move(file), std::move(name), run.to_string());
}

void LastWords::arm(const control::EventLog& events) const {
    arm_fatal_words({.directory = directory_.get(),
                     .file = file_.get(),
                     .new_name = new_name(),
                     .name = name_,
                     .run = run_},
                    events);
}

LastWords::~LastWords() {
    if (file_) {
        disarm_fatal_words();
        ::unlinkat(directory_.get(), new_name().c_str(), 0);
    }
}

Result<void> LastWords::write(const Ending& ending, const control::EventLog& events) {
    HVIS_CHECK(write_all(file_.get(), words(run_, ending, events)));
    if (::fsync(file_.get()) != 0) {
        return fail_errno("fsync");
    }
    // From here on a signal could only spoil what is written.
    disarm_fatal_words();
    const std::string from = new_name();
    if (::renameat(directory_.get(), from.c_str(), directory_.get(), name_.c_str()) != 0) {
        return fail_errno("renameat");
    }
    file_.reset();
    return ::fsync(directory_.get()) == 0 ? Result<void>() : fail_errno("fsync of the directory");
}

}  // namespace hvis::worker
