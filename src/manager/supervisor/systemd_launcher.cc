#include "manager/supervisor/systemd_launcher.h"

#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/log.h"
#include "manager/supervisor/unit_properties.h"
#include "manager/supervisor/worker_program.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kUnitExists = "org.freedesktop.systemd1.UnitExists";

Failure systemd_failure(const std::string& what) {
    return control::make_failure(ErrorCode::kFailed, "systemd: " + what,
                                 "see 'systemctl status' and hvisd's journal");
}

std::string path_of(const std::string& unit) {
    char* path = nullptr;
    if (::sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path) < 0) {
        return {};
    }
    std::string text = path;
    std::free(path);  // NOLINT(*-no-malloc): allocated by sd-bus
    return text;
}

}  // namespace

/// One method call under way; frees itself with the reply's slot.
struct SystemdLauncher::Call {
    std::function<void(sd_bus_message*, const Failure&)> answered;

    static int reply(sd_bus_message* message, void* data, sd_bus_error*) {
        const auto& call = *static_cast<Call*>(data);
        const sd_bus_error* error = ::sd_bus_message_get_error(message);
        if (error == nullptr) {
            call.answered(message, {});
            return 0;
        }
        Failure failure = systemd_failure(error->message != nullptr ? error->message : error->name);
        if (std::string_view(error->name) == kUnitExists) {
            failure =
                control::make_failure(ErrorCode::kUnavailable, "a worker of this VM still runs");
        }
        call.answered(nullptr, failure);
        return 0;
    }
    static void destroy(void* data) { delete static_cast<Call*>(data); }
};

Result<std::unique_ptr<SystemdLauncher>, Failure> SystemdLauncher::create(loop::Loop& loop) {
    const auto scope = ::geteuid() == 0 ? Bus::Scope::kSystem : Bus::Scope::kUser;
    return create(loop, [&loop, scope] { return Bus::open(loop, scope); }, scope, {});
}

Result<std::unique_ptr<SystemdLauncher>, Failure> SystemdLauncher::create(
    loop::Loop& loop, SystemdLink::Open open, Bus::Scope scope, SystemdLink::Patience patience) {
    std::unique_ptr<SystemdLauncher> launcher(
        new SystemdLauncher(loop, std::move(open), scope, patience));
    HVIS_CHECK(launcher->link_.begin());
    return launcher;
}

SystemdLauncher::SystemdLauncher(loop::Loop& loop, SystemdLink::Open open, Bus::Scope scope,
                                 SystemdLink::Patience patience)
    : loop_(loop),
      scope_(scope),
      link_(loop, std::move(open),
            {.opened = [this](Bus& bus) { return listen(bus); },
             .ready = [this] { look_after_starts(); }},
            patience) {}

SystemdLauncher::~SystemdLauncher() {
    for (const auto& [unit, start] : starts_) {
        loop_.cancel_timer(start.timer);
    }
}

std::string SystemdLauncher::unit_of(const Guid& vm) {
    return "hvis-vm@" + vm.to_string() + ".service";
}

Result<void, Failure> SystemdLauncher::listen(Bus& bus) {
    const int matched = ::sd_bus_match_signal_async(
        bus.get(), nullptr, kService, kPath, kManager, "JobRemoved",
        [](sd_bus_message* message, void* data, sd_bus_error*) {
            return job_removed(message, data);
        },
        nullptr, this);
    if (matched < 0) {
        return std::unexpected(systemd_failure(std::generic_category().message(-matched)));
    }
    return {};
}

/// A job may have ended while nobody listened.
void SystemdLauncher::look_after_starts() {
    std::vector<std::string> under_way;
    for (const auto& [unit, start] : starts_) {
        if (!start.job.empty()) {
            under_way.push_back(unit);
        }
    }
    for (const std::string& unit : under_way) {
        main_process_of(unit);
    }
}

sd_bus_message* SystemdLauncher::method(const char* member) {
    sd_bus_message* message = nullptr;
    if (Bus* bus = link_.bus(); bus != nullptr) {
        (void)::sd_bus_message_new_method_call(bus->get(), &message, kService, kPath, kManager,
                                               member);
    }
    return message;
}

void SystemdLauncher::call(sd_bus_message* message,
                           std::function<void(sd_bus_message*, const Failure&)> answered) {
    Bus* const bus = link_.bus();
    if (message == nullptr || bus == nullptr) {
        ::sd_bus_message_unref(message);
        answered(nullptr, systemd_failure("the message cannot be sent"));
        return;
    }
    auto call = std::make_unique<Call>();
    call->answered = std::move(answered);
    sd_bus_slot* slot = nullptr;
    const int sent = ::sd_bus_call_async(bus->get(), &slot, message, &Call::reply, call.get(), 0);
    ::sd_bus_message_unref(message);
    if (sent < 0) {
        call->answered(nullptr, systemd_failure(std::generic_category().message(-sent)));
        return;
    }
    // The slot, and the call with it, lives until the reply has been handled or the bus is gone.
    (void)::sd_bus_slot_set_destroy_callback(slot, &Call::destroy);
    (void)::sd_bus_slot_set_floating(slot, 1);
    ::sd_bus_slot_unref(slot);
    (void)call.release();
    bus->update();
}

void SystemdLauncher::get_property(const std::string& unit, const char* interface,
                                   const char* property,
                                   std::function<void(sd_bus_message*, const Failure&)> answered) {
    sd_bus_message* message = nullptr;
    if (Bus* bus = link_.bus(); bus != nullptr) {
        (void)::sd_bus_message_new_method_call(bus->get(), &message, kService,
                                               path_of(unit).c_str(),
                                               "org.freedesktop.DBus.Properties", "Get");
    }
    if (message != nullptr) {
        (void)::sd_bus_message_append(message, "ss", interface, property);
    }
    call(message, std::move(answered));
}

void SystemdLauncher::launch(const Order& order, Launched launched) {
    const std::string unit = unit_of(order.vm);
    Start& start = starts_[unit];
    start.launched = std::move(launched);
    start.program = order.program;
    loop_.cancel_timer(start.timer);
    start.timer = loop_.add_timer(loop::Loop::now() + kJobTime, [this, unit] {
        finish(unit, std::unexpected(systemd_failure("the unit was not started in time")));
    });
    link_.when_ready([this, order](const Failure* why) {
        if (why != nullptr) {
            finish(unit_of(order.vm), std::unexpected(*why));
        } else {
            start_unit(order);
        }
    });
}

void SystemdLauncher::start_unit(const Order& order) {
    const std::string unit = unit_of(order.vm);
    if (!starts_.contains(unit)) {
        return;  // Its time was over while it waited.
    }
    sd_bus_message* message = method("StartTransientUnit");
    int built =
        message == nullptr ? -ENOMEM : ::sd_bus_message_append(message, "ss", unit.c_str(), "fail");
    if (built >= 0) {
        built = append_unit_properties(message, order, scope_);
    }
    if (built >= 0) {
        built = ::sd_bus_message_append(message, "a(sa(sv))", 0);
    }
    if (built < 0) {
        ::sd_bus_message_unref(message);
        finish(unit, std::unexpected(systemd_failure(std::generic_category().message(-built))));
        return;
    }
    call(message, [this, unit, vm = order.vm_name](sd_bus_message* reply, Failure failure) {
        const char* job = nullptr;
        const auto found = starts_.find(unit);
        if (reply == nullptr) {
            if (failure.code == ErrorCode::kUnavailable) {
                failure.hint = cut_power_hint(vm);
            }
            finish(unit, std::unexpected(std::move(failure)));
        } else if (found != starts_.end() && ::sd_bus_message_read(reply, "o", &job) >= 0) {
            found->second.job = job;
        }
    });
}

int SystemdLauncher::job_removed(sd_bus_message* message, void* launcher) {
    uint32_t id = 0;
    const char* job = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (::sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) >= 0) {
        static_cast<SystemdLauncher*>(launcher)->job_ended(job, unit, result);
    }
    return 0;
}

void SystemdLauncher::job_ended(const std::string& job, const std::string& unit,
                                const std::string& result) {
    const auto found = starts_.find(unit);
    if (found == starts_.end() || found->second.job != job) {
        return;  // a job of somebody else's, or of an earlier life of the unit
    }
    if (result == "done") {
        main_process_of(unit);
    } else if (const auto why = worker_program_failure(found->second.program)) {
        finish(unit, std::unexpected(*why));
    } else {
        finish(unit, std::unexpected(
                         systemd_failure("the start of " + unit + " ended with '" + result + "'")));
    }
}

void SystemdLauncher::main_process_of(const std::string& unit) {
    get_property(unit, "org.freedesktop.systemd1.Service", "MainPID",
                 [this, unit](sd_bus_message* reply, const Failure& failure) {
                     uint32_t pid = 0;
                     if (reply == nullptr || ::sd_bus_message_read(reply, "v", "u", &pid) < 0) {
                         finish(unit, std::unexpected(failure));
                         return;
                     }
                     auto process =
                         pid == 0
                             ? Result<WorkerProcess>(fail(Errc::kNotFound, "it has ended already"))
                             : WorkerProcess::other(static_cast<pid_t>(pid));
                     if (process) {
                         finish(unit, *std::move(process));
                     } else {
                         finish(unit, std::unexpected(systemd_failure(
                                          unit + ": " + std::string(process.error().what))));
                     }
                 });
}

void SystemdLauncher::finish(const std::string& unit, Result<WorkerProcess, Failure> process) {
    auto node = starts_.extract(unit);
    if (!node.empty()) {
        loop_.cancel_timer(node.mapped().timer);
        node.mapped().launched(std::move(process));
    }
}

void SystemdLauncher::find(const Order& order, Found found) {
    link_.when_ready(
        [this, unit = unit_of(order.vm), found = std::move(found)](const Failure* why) {
            if (why != nullptr) {
                found(false);  // Its name keeps a second one from being started.
                return;
            }
            get_property(
                unit, "org.freedesktop.systemd1.Unit", "ActiveState",
                [found](sd_bus_message* reply, const Failure&) {
                    const char* state = nullptr;
                    if (reply == nullptr || ::sd_bus_message_read(reply, "v", "s", &state) < 0) {
                        found(false);
                        return;
                    }
                    const std::string_view word = state;
                    found(word == "active" || word == "activating" || word == "deactivating");
                });
        });
}

void SystemdLauncher::kill(const Order& order, const WorkerProcess* process) {
    if (process != nullptr && !link_.ready()) {
        process->kill(SIGKILL);  // needs nobody's help, and its unit ends with it
        return;
    }
    link_.when_ready([this, order](const Failure* why) {
        if (why != nullptr) {
            log(LogLevel::kError, "manager", order.vm_name + ": " + why->message);
        } else {
            kill_unit(order);
        }
    });
}

void SystemdLauncher::kill_unit(const Order& order) {
    sd_bus_message* message = method("KillUnit");
    if (message != nullptr) {
        (void)::sd_bus_message_append(message, "ssi", unit_of(order.vm).c_str(), "all", SIGKILL);
    }
    call(message, [name = order.vm_name](sd_bus_message* reply, const Failure& failure) {
        if (reply == nullptr) {
            log(LogLevel::kError, "manager", name + ": " + failure.message);
        }
    });
}

}  // namespace hvis::manager
