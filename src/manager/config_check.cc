#include "manager/config_check.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "manager/access_rules.h"
#include "manager/api/listen.h"
#include "manager/certificate_check.h"
#include "manager/directories.h"
#include "manager/supervisor/launcher_choice.h"
#include "manager/supervisor/worker_program.h"

namespace hvis::manager {
namespace {

using control::Failure;

class Findings {
public:
    void add(std::string_view key, const std::string& what, std::string next) {
        found_.push_back(control::make_failure(control::ErrorCode::kUsage,
                                               fmt::format("{}: {}", key, what), std::move(next)));
    }
    void add(Failure failure) { found_.push_back(std::move(failure)); }
    void add_all(std::vector<Failure> failures) {
        std::ranges::move(failures, std::back_inserter(found_));
    }
    std::vector<Failure> take() { return std::move(found_); }

private:
    std::vector<Failure> found_;
};

std::string reason(int error = errno) { return std::generic_category().message(error); }

bool is_member(gid_t group) {
    std::vector<gid_t> groups(static_cast<size_t>(std::max(0, ::getgroups(0, nullptr))));
    const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
    groups.resize(static_cast<size_t>(std::max(0, count)));
    return ::geteuid() == 0 || group == ::getegid() ||
           std::ranges::find(groups, group) != groups.end();
}

void check_group(Findings& findings, const std::string& name) {
    if (name.empty()) {
        return;
    }
    const auto group = group_id(name);
    if (!group) {
        findings.add(group.error());
    } else if (!is_member(*group)) {
        findings.add("socket.group", fmt::format("hvisd's user is no member of {}", name),
                     fmt::format("'usermod -a -G {} hvis', or name another group", name));
    }
}

/// A directory that is there must be writable; one that is not is made, if its parent is. The
/// `usual` one's parents are made too.
void check_directory(Findings& findings, std::string_view key, const std::string& path,
                     const std::string& usual) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0) {
        if (!S_ISDIR(info.st_mode)) {
            findings.add(key, path + " is no directory", "name one, or a place for a new one");
        } else if (::access(path.c_str(), W_OK | X_OK) != 0) {
            findings.add(key, fmt::format("{} cannot be written: {}", path, reason()),
                         directory_hint(path, EACCES));
        }
        return;
    }
    int error = errno;
    std::string parent = std::filesystem::path(path).parent_path().string();
    while (path == usual && parent != "/" && ::access(parent.c_str(), F_OK) != 0) {
        parent = std::filesystem::path(parent).parent_path().string();
    }
    if (error == ENOENT) {
        error = ::access(parent.c_str(), W_OK | X_OK) == 0 ? 0 : errno;
    }
    if (error != 0) {
        findings.add(key, fmt::format("{} cannot be made in {}: {}", path, parent, reason(error)),
                     directory_hint(path, error));
    }
}

void check_socket(Findings& findings, const Config::Socket& socket) {
    check_group(findings, socket.group);
    if (socket.path.empty()) {
        return;
    }
    const std::string parent = std::filesystem::path(socket.path).parent_path().string();
    struct stat info{};
    if (::access(parent.c_str(), W_OK | X_OK) != 0) {
        findings.add("socket.path",
                     fmt::format("{} cannot be made: {}: {}", socket.path, parent, reason()),
                     "make the directory, and let hvisd's user write there");
    } else if (::lstat(socket.path.c_str(), &info) == 0 && !S_ISSOCK(info.st_mode)) {
        findings.add("socket.path", socket.path + " is there already, and no socket",
                     "remove it, or name another place");
    }
}

void check_program(Findings& findings, const std::string& key, const std::string& path,
                   const std::string& next) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
        findings.add(key, fmt::format("{} cannot be run: {}", path, reason()), next);
    } else if (!S_ISREG(info.st_mode)) {
        findings.add(key, path + " is no program", next);
    } else if (::access(path.c_str(), X_OK) != 0) {
        findings.add(key, fmt::format("{} cannot be run: {}", path, reason()),
                     fmt::format("'chmod a+rx {}'", path));
    }
}

void check_launcher(Findings& findings, Config::Workers::Launcher launcher) {
    if (launcher != Config::Workers::Launcher::kSystemd) {
        return;
    }
    const LauncherFacts facts = LauncherFacts::of_process();
    if (facts.is_root && ::sd_booted() <= 0) {
        findings.add("workers.launcher", "this host is not run by systemd", "take auto or child");
    } else if (!facts.is_root && !facts.has_user_bus) {
        findings.add(
            "workers.launcher",
            fmt::format("the systemd of this user cannot be asked: there is no {}", facts.user_bus),
            "install dbus-user-session and run 'loginctl enable-linger' for hvisd's user");
    }
}

void check_url(Findings& findings, const WebhookConfig& webhook) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
    const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, webhook.url.c_str(), 0);
    if (!webhook.url.empty() && code != CURLUE_OK) {
        findings.add("webhook.url of " + webhook.name,
                     fmt::format("{}: {}", webhook.url, curl_url_strerror(code)),
                     "such as https://pager.example/hvis");
    }
}

void check_hooks(Findings& findings, const Hooks::Config& hooks) {
    for (const WebhookConfig& webhook : hooks.webhooks) {
        check_url(findings, webhook);
        if (!webhook.ca_file.empty()) {
            findings.add_all(
                check_authorities("webhook.ca_file of " + webhook.name, webhook.ca_file));
        }
    }
    for (const ExecHookConfig& hook : hooks.programs) {
        if (!hook.command.empty()) {
            check_program(findings, "hook.command of " + hook.name, hook.command.front(),
                          "name a program that hvisd's user may run");
        }
    }
}

void check_listen(Findings& findings, const Config::Listen& listen) {
    if (const auto address = check_tcp_address(listen.address);
        !address && !listen.address.empty()) {
        findings.add("listen.address", address.error().message, address.error().hint);
    }
    if (!listen.certificate.empty() && !listen.key.empty()) {
        findings.add_all(check_certificate(listen.certificate, listen.key));
    }
}

}  // namespace

std::vector<Failure> check_config(const Config& config, const std::string& worker) {
    Findings findings;
    const Config::Directories usual = default_config(ConfigEnvironment::of_process()).directories;
    check_directory(findings, "directories.state", config.directories.state, usual.state);
    const std::filesystem::path runtime = config.directories.runtime;
    if (runtime.parent_path() != config.directories.state) {  // which is made first
        check_directory(findings, "directories.runtime", runtime.string(), usual.runtime);
    }
    if (auto failure = worker_program_failure(worker)) {
        findings.add(*std::move(failure));
    }
    check_launcher(findings, config.workers.launcher);
    check_socket(findings, config.socket);
    findings.add_all(unknown_names(config.roles));
    if (config.listen) {
        check_listen(findings, *config.listen);
    }
    check_hooks(findings, config.hooks);
    return findings.take();
}

}  // namespace hvis::manager
