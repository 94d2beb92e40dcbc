#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <pwd.h>
#include <unistd.h>

#include "manager/config_check.h"
#include "manager/daemon.h"
#include "manager/store/backup.h"
#include "manager/store/database.h"
#include "manager/supervisor/worker_program.h"

namespace {

using namespace hvis;           // NOLINT(google-build-using-namespace): the program itself
using namespace hvis::manager;  // NOLINT(google-build-using-namespace)

constexpr const char* kExamples = R"(Examples:
  hvisd                                        with /etc/hvis/hvisd.toml, where that is there
  hvisd --config ./hvisd.toml --check-config   is it right, and will it work?
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

std::string config_of(const Options& options) {
    return options.config.empty() ? usual_config() : options.config;
}

/// The file, and what the command line says instead.
ReadConfig read_all(const Options& options) {
    ReadConfig read = read_config_file(config_of(options), options.config.empty(),
                                       ConfigEnvironment::of_process());
    const auto put = [](const std::string& from, std::string& to) {
        if (!from.empty()) {
            to = std::filesystem::absolute(from).lexically_normal().string();
        }
    };
    put(options.state_directory, read.config.directories.state);
    put(options.runtime_directory, read.config.directories.runtime);
    put(options.worker, read.config.workers.program);
    if (!options.launcher.empty()) {
        using enum Config::Workers::Launcher;
        read.config.workers.launcher = options.launcher == "systemd" ? kSystemd
                                       : options.launcher == "child" ? kChild
                                                                     : kAuto;
    }
    return read;
}

Failure not_right(const std::string& complaint, std::string hint) {
    return control::make_failure(control::ErrorCode::kUsage, complaint, std::move(hint));
}

Result<Config, Failure> right_config(const Options& options) {
    ReadConfig read = read_all(options);
    if (read.complaints.empty()) {
        return std::move(read.config);
    }
    const size_t more = read.complaints.size() - 1;
    return std::unexpected(not_right(
        read.complaints.front(),
        (more == 0 ? "" : "'hvisd --check-config' has " + std::to_string(more) + " more; ") +
            std::string("docs/hvisd.toml has every key with its default")));
}

std::string worker_of(const Config& config) {
    if (!config.workers.program.empty()) {
        return config.workers.program;
    }
    std::error_code ignored;
    const auto folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
    return find_worker_program(folder.string(), path != nullptr ? path : "");
}

/// Prints all that is wrong; the exit status.
int check(const Options& options) {
    const ReadConfig read = read_all(options);
    std::vector<Failure> failures;
    for (const std::string& complaint : read.complaints) {
        failures.push_back(not_right(complaint, "docs/hvisd.toml has every key with its default"));
    }
    const std::string file = config_of(options);
    const bool is_there = std::filesystem::exists(file);
    for (Failure& failure : check_config(read.config, worker_of(read.config))) {
        // Without a file it is a default that does not fit this host.
        failure.message = (is_there ? file + ": " : "") + failure.message;
        failures.push_back(std::move(failure));
    }
    int status = 0;
    for (const Failure& failure : failures) {
        status = complain(failure);
    }
    return status;
}

Result<void, Failure> act(const Options& options) {
    const Config config = HVIS_TRY(right_config(options));
    if (!options.backup.empty()) {
        HVIS_CHECK(Database::back_up_file(config.directories.state + "/hvis.db", options.backup));
        std::puts(("the database is saved to " + options.backup).c_str());
        return {};
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
    return run_daemon(settings, [&options] { return right_config(options); });
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
    app.add_flag("--check-config", options.check_only,
                 "say all that is wrong with the configuration, and end");
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
    if (options.check_only) {
        return check(options);
    }
    const auto done = act(options);
    return done ? 0 : complain(done.error());
}
