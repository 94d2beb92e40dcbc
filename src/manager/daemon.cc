#include "manager/daemon.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "loop/descriptor_limit.h"
#include "manager/access_rules.h"
#include "manager/api/api.h"
#include "manager/api/listen.h"
#include "manager/config_changes.h"
#include "manager/directories.h"
#include "manager/events/hooks.h"
#include "manager/events/journal_sink.h"
#include "manager/lost_database.h"
#include "manager/start_extension.h"
#include "manager/supervisor/unknown_workers.h"
#include "manager/supervisor/worker_program.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::make_failure;

std::unexpected<Failure> cannot(const std::string& what, std::string hint = {}) {
    return std::unexpected(make_failure(
        ErrorCode::kFailed, fmt::format("{}: {}", what, std::generic_category().message(errno)),
        std::move(hint)));
}

/// Held for as long as hvisd lives; the kernel lets go of it however it ends.
Result<UniqueFd, Failure> take_lock(const std::string& directory) {
    const std::string path = directory + "/hvisd.lock";
    UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) {
        return cannot("cannot open " + path);
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return std::unexpected(make_failure(
            ErrorCode::kFailed, fmt::format("another hvisd runs on {}", directory),
            "stop it first (systemctl stop hvisd), or give this one other directories"));
    }
    return lock;
}

Result<UniqueFd, Failure> take_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&set, number);
    }
    if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) {
        return cannot("cannot block signals");
    }
    UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) {
        return cannot("cannot wait for signals");
    }
    return fd;
}

/// Lets the members of `group` connect too.
Result<void, Failure> give_to_group(const std::string& path, const std::string& group) {
    if (group.empty()) {
        return {};
    }
    const uint32_t id = HVIS_TRY(group_id(group));
    if (::chown(path.c_str(), static_cast<uid_t>(-1), id) != 0) {
        return cannot("cannot give " + path + " to the group " + group,
                      "hvisd's user must be a member of it: socket.group in hvisd.toml");
    }
    return {};
}

Result<HttpServerConfig, Failure> listeners(const DaemonSettings& settings) {
    const Config& wanted = settings.config;
    HttpServerConfig config;
    config.limits = settings.limits;
    config.listeners = HVIS_TRY(inherited_listeners());
    const bool has_unix = std::ranges::any_of(
        config.listeners, [](const HttpListener& listener) { return !listener.tls; });
    if (!has_unix) {
        const std::string path = wanted.socket.path.empty()
                                     ? wanted.directories.runtime + "/hvisd.sock"
                                     : wanted.socket.path;
        config.listeners.push_back(
            {.socket = HVIS_TRY(listen_unix(path, wanted.socket.mode)), .tls = false});
        HVIS_CHECK(give_to_group(path, wanted.socket.group));
    }
    if (wanted.listen) {
        config.certificate = wanted.listen->certificate;
        config.key = wanted.listen->key;
        config.listeners.push_back(
            {.socket = HVIS_TRY(listen_tcp(wanted.listen->address)), .tls = true});
    }
    return config;
}

/// Tells systemd that the manager thread turns.
class Watchdog {
public:
    explicit Watchdog(loop::Loop& loop) : loop_(loop) {
        uint64_t microseconds = 0;
        if (::sd_watchdog_enabled(0, &microseconds) > 0) {
            period_ = std::chrono::microseconds(microseconds / 3);
            beat();
        }
    }

private:
    void beat() {
        ::sd_notify(0, "WATCHDOG=1");
        loop_.add_timer(loop::Loop::now() + period_, [this] { beat(); });
    }
    loop::Loop& loop_;
    Duration period_{};
};

using Reload = std::function<Result<Config, Failure>()>;

void take_over(Api& api, const Config& running, const Reload& reload) {
    ::sd_notify(0, "RELOADING=1");
    const auto config = reload();
    auto rules = config ? access_rules(config->roles)
                        : Result<AccessRules, Failure>(std::unexpected(config.error()));
    if (rules) {
        api.set_access(*std::move(rules));
        log(LogLevel::kNotice, "hvisd", "the configuration was read again: roles are taken over");
        for (const std::string& table : changes_for_restart(running, *config)) {
            log(LogLevel::kWarning, "hvisd",
                "what has changed in " + table + " waits for a restart of hvisd");
        }
    } else {
        log(LogLevel::kError, "hvisd",
            "the configuration was not taken over: " + rules.error().message);
    }
    if (const auto tls = api.reload_tls(); !tls) {
        log(LogLevel::kError, "hvisd",
            "the certificate stays the one that was read before: " + tls.error().message);
    }
    ::sd_notify(0, "READY=1");
}

/// Said once: a host whose workers are children although it has a systemd is told why.
LauncherChoice choose_and_tell(Config::Workers::Launcher configured) {
    using From = Config::Workers::Launcher;
    using To = SupervisorConfig::Launcher;
    const auto wish = configured == From::kSystemd ? To::kSystemd
                      : configured == From::kChild ? To::kChild
                                                   : To::kAuto;
    LauncherChoice choice = choose_launcher(wish, LauncherFacts::of_process());
    const std::string_view next = choice.hint.empty() ? "" : "; ";
    log(choice.hint.empty() ? LogLevel::kNotice : LogLevel::kWarning, "hvisd",
        fmt::format("launcher {}: {}{}{}", to_text(choice.kind), choice.why, next, choice.hint));
    return choice;
}

SupervisorConfig supervisor_config(const DaemonSettings& settings, const LauncherChoice& choice) {
    SupervisorConfig config;
    config.launcher = choice.kind == LauncherChoice::Kind::kChild
                          ? SupervisorConfig::Launcher::kChild
                          : SupervisorConfig::Launcher::kSystemd;
    config.worker = settings.worker;
    config.runtime_directory = settings.config.directories.runtime;
    config.state_directory = settings.config.directories.state;
    return config;
}

/// The check of a database of some gigabytes takes longer than systemd waits for a start.
Result<std::unique_ptr<Store>, Failure> open_store(const std::string& database, uint64_t most) {
    const StartExtension extension;
    return Store::open(database, most);
}

/// What else would show only when somebody starts a VM, or never.
void tell_what_is_amiss(const DaemonSettings& settings, const Supervisor& supervisor,
                        EventLog& events) {
    if (const auto why = worker_program_failure(settings.worker)) {
        log(LogLevel::kWarning, "hvisd",
            "no VM can be started: " + why->message + "; " + why->hint);
    }
    const auto known = [&](const Guid& vm) { return supervisor.find(vm.to_string()).has_value(); };
    tell_unknown_workers(unknown_workers(settings.config.directories.runtime, known), events);
}

Result<void, Failure> serve(const DaemonSettings& settings, loop::Loop& loop, int signals,
                            const Reload& reload) {
    const Config& wanted = settings.config;
    const std::string database = wanted.directories.state + "/hvis.db";
    HVIS_CHECK(check_not_lost(database, wanted.directories));
    const auto store = HVIS_TRY(open_store(database, wanted.store.max_size));
    JournalSink journal(wanted.events.journal);
    EventLog events(loop, *store, {.count = wanted.events.keep, .age = wanted.events.max_age});
    events.subscribe([&journal](const StoredEvent& event) { journal.write(event); });
    const auto hooks = HVIS_TRY(Hooks::create(wanted.hooks, loop, *store, events));
    const auto operations = HVIS_TRY(Operations::create(*store, loop));
    const LauncherChoice launcher = choose_and_tell(wanted.workers.launcher);
    const auto supervisor =
        HVIS_TRY(Supervisor::create(supervisor_config(settings, launcher), loop, *store, events));
    // Before what follows is put together: what a failure leaves half made there is not taken down.
    auto http = HVIS_TRY(listeners(settings));
    auto access = HVIS_TRY(access_rules(wanted.roles));
    ApiConfig config{
        .info = {.version = settings.version,
                 .state_directory = wanted.directories.state,
                 .runtime_directory = wanted.directories.runtime,
                 .database = database,
                 .started = WallTime::from_system(std::chrono::system_clock::now()),
                 .launcher = launcher,
                 .worker = settings.worker},
        .http = std::move(http),
        .access = std::move(access),
    };
    const auto api = HVIS_TRY(Api::start(std::move(config), {.loop = loop,
                                                             .supervisor = *supervisor,
                                                             .events = events,
                                                             .operations = *operations,
                                                             .store = *store,
                                                             .hooks = *hooks,
                                                             .journal = journal}));
    const auto watched = loop.watch(signals, EPOLLIN, [&](uint32_t) {
        signalfd_siginfo info{};
        while (::read(signals, &info, sizeof(info)) == sizeof(info)) {
            if (info.ssi_signo == SIGHUP) {
                take_over(*api, wanted, reload);
            } else {
                loop.stop();
            }
        }
    });
    if (!watched) {
        return std::unexpected(make_failure(ErrorCode::kFailed, "cannot wait for signals"));
    }
    const Watchdog watchdog(loop);
    tell_what_is_amiss(settings, *supervisor, events);
    supervisor->begin();
    ::sd_notify(0, "READY=1");
    log(LogLevel::kNotice, "hvisd", fmt::format("serves {} VMs", supervisor->count()));
    loop.run();
    ::sd_notify(0, "STOPPING=1");
    // The VMs go on: hvisd only stops looking.
    supervisor->leave();
    return events.flush();
}

}  // namespace

Result<void, Failure> run_daemon(const DaemonSettings& settings, const Reload& reload) {
    const std::string& runtime = settings.config.directories.runtime;
    const std::string& state = settings.config.directories.state;
    loop::raise_descriptor_limit();
    HVIS_CHECK(make_directories(settings.config.directories,
                                default_config(ConfigEnvironment::of_process()).directories));
    const UniqueFd runtime_lock = HVIS_TRY(take_lock(runtime));
    const UniqueFd state_lock = HVIS_TRY(take_lock(state));
    const UniqueFd signals = HVIS_TRY(take_signals());
    const auto loop = loop::Loop::create();
    if (!loop) {
        return std::unexpected(make_failure(ErrorCode::kFailed, std::string(loop.error().what)));
    }
    return serve(settings, **loop, signals.get(), reload);
}

}  // namespace hvis::manager
