#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <pwd.h>
#include <unistd.h>

#include "manager/access_rules.h"
#include "manager/daemon.h"
#include "manager/store/backup.h"
#include "manager/store/database.h"

namespace {

using namespace hvis;           // NOLINT(google-build-using-namespace): the program itself
using namespace hvis::manager;  // NOLINT(google-build-using-namespace)

constexpr const char* kExamples = R"(Examples:
  hvisd                                        with /etc/hvis/hvisd.toml, where that is there
  hvisd --config ./hvisd.toml --check-config   is it right?
  hvisd --backup /srv/backup/hvis.db           copy the database, also while hvisd runs
  hvisd --state-directory /tmp/s --runtime-directory /tmp/r --launcher child    a second one, to try things

SIGTERM ends hvisd and leaves every VM running; `hvis host stop-all` shuts the guests down. SIGHUP reads the
roles of the configuration again.)";

constexpr const char* kSystemConfig = "/etc/hvis/hvisd.toml";
/// Whom the packages run hvisd as.
constexpr std::string_view kSystemUser = "hvis";

struct Options {
    std::string config;
    std::string backup;
    std::string restore;
    bool check_only = false;
    std::string state_directory;
    std::string runtime_directory;
    std::string worker;
    std::string launcher;
};

int complain(const Failure& failure) {
    std::string text = "hvisd: " + failure.message + "\n";
    if (!failure.hint.empty()) {
        text += "hvisd: " + failure.hint + "\n";
    }
    std::fputs(text.c_str(), stderr);
    return control::exit_status(failure.code);
}

/// The system's configuration is for the system's hvisd: its directories are not those of a user
/// who runs one of their own.
std::string usual_config() {
    const passwd* user = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe)
    if (::geteuid() == 0 || (user != nullptr && user->pw_name == kSystemUser)) {
        return kSystemConfig;
    }
    const char* xdg = std::getenv("XDG_CONFIG_HOME");  // NOLINT(concurrency-mt-unsafe)
    const char* home = std::getenv("HOME");            // NOLINT(concurrency-mt-unsafe)
    const bool has_xdg = xdg != nullptr && *xdg == '/';
    return (has_xdg ? std::string(xdg) : std::string(home != nullptr ? home : "") + "/.config") +
           "/hvis/hvisd.toml";
}

Result<Config, Failure> read_config(const Options& options) {
    const bool usual = options.config.empty();
    auto config = load_config(usual ? usual_config() : options.config, usual,
                              ConfigEnvironment::of_process());
    if (!config) {
        return std::unexpected(
            control::make_failure(control::ErrorCode::kUsage, std::move(config).error(),
                                  "docs/hvisd.toml has every key with its default"));
    }
    const auto put = [](const std::string& from, std::string& to) {
        if (!from.empty()) {
            to = std::filesystem::absolute(from).lexically_normal().string();
        }
    };
    put(options.state_directory, config->directories.state);
    put(options.runtime_directory, config->directories.runtime);
    put(options.worker, config->workers.program);
    if (!options.launcher.empty()) {
        using enum Config::Workers::Launcher;
        config->workers.launcher = options.launcher == "systemd" ? kSystemd
                                   : options.launcher == "child" ? kChild
                                                                 : kAuto;
    }
    return *std::move(config);
}

/// hvis-vm where the configuration has it, else beside hvisd, else where packages put it.
std::string worker_of(const Config& config) {
    if (!config.workers.program.empty()) {
        return config.workers.program;
    }
    std::error_code ignored;
    const auto beside =
        std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "hvis-vm";
    return std::filesystem::exists(beside, ignored) ? beside.string() : "/usr/bin/hvis-vm";
}

Result<void, Failure> act(const Options& options) {
    const Config config = HVIS_TRY(read_config(options));
    if (options.check_only) {
        const auto rules = access_rules(config.roles);
        return rules ? Result<void, Failure>() : std::unexpected(rules.error());
    }
    if (!options.backup.empty()) {
        return Database::back_up_file(config.directories.state + "/hvis.db", options.backup);
    }
    if (!options.restore.empty()) {
        const std::string kept =
            HVIS_TRY(restore_database(options.restore, config.directories.state + "/hvis.db"));
        if (!kept.empty()) {
            std::puts(("the database that was there is kept as " + kept).c_str());
        }
        return {};
    }
    const DaemonSettings settings{
        .config = config, .worker = worker_of(config), .version = HVIS_VERSION, .limits = {}};
    return run_daemon(settings, [&options] { return read_config(options); });
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("hvisd manages the virtual machines of one host.", "hvisd");
    app.footer(kExamples);
    app.set_version_flag("--version,-V", std::string("hvisd " HVIS_VERSION));
    app.add_option("--config", options.config, "configuration (" + usual_config() + ")")
        ->type_name("FILE")
        ->check(CLI::ExistingFile);
    app.add_flag("--check-config", options.check_only, "only read the configuration");
    app.add_option("--backup", options.backup, "copy the database into a new file, and end")
        ->type_name("FILE");
    app.add_option("--restore", options.restore,
                   "put a backup in the place of the database, while no hvisd runs, and end")
        ->type_name("FILE")
        ->check(CLI::ExistingFile);
    app.add_option("--state-directory", options.state_directory, "instead of the configuration's")
        ->type_name("DIR");
    app.add_option("--runtime-directory", options.runtime_directory,
                   "instead of the configuration's")
        ->type_name("DIR");
    app.add_option("--worker", options.worker, "the program hvis-vm")->type_name("FILE");
    app.add_option("--launcher", options.launcher, "how workers are started")
        ->check(CLI::IsMember({"auto", "systemd", "child"}));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    const auto done = act(options);
    return done ? 0 : complain(done.error());
}
