#include "manager/supervisor/vm_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Failure;

std::unexpected<Failure> file_failure(const std::string& path, int error) {
    std::string hint = "check the permissions of the directory";
    if (error == ENOSPC || error == EDQUOT) {
        hint = "free some space there";
    }
    return std::unexpected(
        control::make_failure(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kFailed,
                              path + ": " + std::generic_category().message(error), hint));
}

}  // namespace

VmFiles VmFiles::of(const Guid& vm, const std::string& runtime_directory,
                    const std::string& state_directory) {
    const std::string runtime = runtime_directory + "/vms/" + vm.to_string();
    const std::string state = state_directory + "/vms/" + vm.to_string();
    return {.runtime = runtime,
            .state = state,
            .config = runtime + "/config.json",
            .control = runtime + "/control.sock",
            .serial_socket = runtime + "/serial.sock",
            .lock = runtime + "/worker.lock",
            .worker_log = state + "/worker.log",
            .last_words = state + "/last-words.json"};
}

Result<void, Failure> prepare(const VmFiles& files) {
    for (const std::string& directory : {files.runtime, files.state}) {
        std::error_code error;
        std::filesystem::create_directories(directory, error);
        if (!error) {
            std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
        }
        if (error) {
            return file_failure(directory, error.value());
        }
    }
    return {};
}

bool put_log_aside(const VmFiles& files) {
    if (end_of(files.worker_log) <= kMaxWorkerLog) {
        return false;
    }
    // Copied, not renamed: the worker keeps the file open, to append to it.
    std::error_code error;
    std::filesystem::copy_file(files.worker_log, files.worker_log + ".1",
                               std::filesystem::copy_options::overwrite_existing, error);
    if (!error) {
        std::filesystem::resize_file(files.worker_log, 0, error);
    }
    return !error;
}

Result<void, Failure> remove_all(const VmFiles& files) {
    for (const std::string& directory : {files.runtime, files.state}) {
        std::error_code error;
        std::filesystem::remove_all(directory, error);
        if (error) {
            return file_failure(directory, error.value());
        }
    }
    return {};
}

Result<void, Failure> write_whole(const std::string& path, std::string_view text) {
    const std::string draft = path + ".new";
    const UniqueFd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) {
        return file_failure(draft, errno);
    }
    while (!text.empty()) {
        const ssize_t written = ::write(file.get(), text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return file_failure(draft, errno);
        }
        text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) {
        return file_failure(path, errno);
    }
    return {};
}

Result<std::string, Failure> read_whole(const std::string& path, size_t max_bytes) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat facts{};
    if (!file || ::fstat(file.get(), &facts) != 0) {
        return file_failure(path, errno);
    }
    if (!S_ISREG(facts.st_mode) || static_cast<uint64_t>(facts.st_size) > max_bytes) {
        return file_failure(path, S_ISREG(facts.st_mode) ? EFBIG : EINVAL);
    }
    std::string text(static_cast<size_t>(facts.st_size), '\0');
    size_t used = 0;
    while (used < text.size()) {
        const ssize_t length = ::read(file.get(), text.data() + used, text.size() - used);
        if (length < 0 && errno != EINTR) {
            return file_failure(path, errno);
        }
        if (length == 0) {
            break;
        }
        used += static_cast<size_t>(std::max<ssize_t>(length, 0));
    }
    text.resize(used);
    return text;
}

uint64_t end_of(const std::string& path) {
    std::error_code none;
    const auto size = std::filesystem::file_size(path, none);
    return none ? 0 : size;
}

std::string last_line(const std::string& path, uint64_t begin) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    const uint64_t end = end_of(path);
    if (!file || end <= begin) {
        return {};
    }
    const size_t length = static_cast<size_t>(std::min<uint64_t>(end - begin, kMaxLogLine));
    std::string text(length, '\0');
    const ssize_t read = ::pread(file.get(), text.data(), length, static_cast<off_t>(end - length));
    text.resize(static_cast<size_t>(std::max<ssize_t>(read, 0)));
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    return text.substr(text.rfind('\n') + 1);
}

}  // namespace hvis::manager
