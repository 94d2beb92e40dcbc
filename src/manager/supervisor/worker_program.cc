#include "manager/supervisor/worker_program.h"

#include <cerrno>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

constexpr const char* kName = "/hvis-vm";
constexpr const char* kPackaged = "/usr/bin/hvis-vm";

/// Zero, or an errno value.
int run_error(const std::string& program) {
    struct stat info{};
    if (::stat(program.c_str(), &info) != 0) {
        return errno;
    }
    if (!S_ISREG(info.st_mode)) {
        return S_ISDIR(info.st_mode) ? EISDIR : EACCES;
    }
    return ::access(program.c_str(), X_OK) == 0 ? 0 : errno;
}

}  // namespace

std::string find_worker_program(const std::string& folder, std::string_view path) {
    if (std::string beside = folder + kName; run_error(beside) != ENOENT) {
        return beside;
    }
    while (!path.empty()) {
        const std::string_view next = path.substr(0, path.find(':'));
        path.remove_prefix(next.size() < path.size() ? next.size() + 1 : path.size());
        if (std::string program = std::string(next) + kName;
            next.starts_with('/') && run_error(program) == 0) {
            return program;
        }
    }
    return kPackaged;
}

std::optional<control::Failure> worker_program_failure(const std::string& program) {
    const int error = run_error(program);
    if (error == 0) {
        return std::nullopt;
    }
    return control::make_failure(
        control::ErrorCode::kUsage,
        "workers.program: " + program + " cannot be run: " + std::generic_category().message(error),
        error == EACCES ? "'chmod a+rx " + program + "', and let hvisd's user into its folders"
                        : "install hvis-vm beside hvisd, or name it in workers.program of "
                          "hvisd.toml");
}

}  // namespace hvis::manager
