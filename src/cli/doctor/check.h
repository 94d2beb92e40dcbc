#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/http/api.h"
#include "control/json.h"

namespace hvis::cli {

enum class CheckState : uint8_t {
    kOk,
    kWarning,  ///< works, but not all of it or not well
    kMissing,  ///< hvis cannot run VMs without it
};

/// What the doctor found about one thing.
struct Check {
    std::string name;  ///< "kvm", "passt", …: stable, for programs
    CheckState state = CheckState::kOk;
    std::string finding;  ///< one line
    std::string fix;      ///< one line; empty when all is well
    bool operator==(const Check&) const = default;
};

/// A program that was run to its end.
struct Ran {
    int status = -1;  ///< exit status; -1: it could not be run, or was killed
    std::string output;
};

/// The host as the doctor looks at it; replaced in tests.
struct Host {
    /// Contents of a (virtual) file, or empty.
    std::function<std::string(const std::string& path)> read;
    std::function<bool(const std::string& path)> exists;
    /// Name of the user whom a file belongs to, or empty.
    std::function<std::string(const std::string& path)> owner;
    /// 0, or the errno with which the file refuses to be opened for reading and writing.
    std::function<int(const std::string& path)> open_error;
    /// Path of a program in $PATH or beside this one, or empty.
    std::function<std::string(std::string_view name)> find_program;
    std::function<Ran(const std::vector<std::string>& command)> run;
    std::function<std::string()> kernel_release;
    /// Names of the groups of this process.
    std::function<std::vector<std::string>()> groups;
    bool root = false;

    static Host real();
};

/// What hvisd says of KVM on its host.
struct KvmOfHvisd {
    bool usable = false;
    std::string explanation;
};
/// Nothing where hvisd does not answer, or is on another host.
std::optional<KvmOfHvisd> kvm_of_hvisd(Api& api);

/// hvisd's word counts where its rights are others than the caller's: it is hvisd that runs the
/// VMs.
std::vector<Check> check_kvm(const Host& host, const std::optional<KvmOfHvisd>& hvisd);
std::vector<Check> check_host(const Host& host);
/// Whether hvisd answers, and whether the caller may speak to it.
std::vector<Check> check_manager(const Host& host, Api& api);
/// What starts the workers, and whether it stays up when nobody is logged in.
std::vector<Check> check_launcher(const Host& host, Api& api);

/// {"checks":[{"name","state","finding","fix"},…],"state":…}: the worst of all.
Json checks_document(const std::vector<Check>& checks);
std::string checks_text(const std::vector<Check>& checks);
CheckState worst_of(const std::vector<Check>& checks);

}  // namespace hvis::cli
