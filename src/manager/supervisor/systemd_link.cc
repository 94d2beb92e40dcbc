#include "manager/supervisor/systemd_link.h"

#include <system_error>
#include <utility>

#include <systemd/sd-bus.h>

#include "base/log.h"

namespace hvis::manager {

using control::Failure;

namespace {

constexpr const char* kService = "org.freedesktop.systemd1";

Failure no_answer(const std::string& what) {
    return control::make_failure(
        control::ErrorCode::kFailed, "systemd does not answer: " + what,
        "see 'systemctl status dbus.service' and 'systemctl status user@*.service'");
}

}  // namespace

SystemdLink::SystemdLink(loop::Loop& loop, Open open, Owner owner, Patience patience)
    : loop_(loop), open_(std::move(open)), owner_(std::move(owner)), patience_(patience) {}

SystemdLink::~SystemdLink() { loop_.cancel_timer(timer_); }

Result<void, Failure> SystemdLink::begin() {
    tries_ = 0;
    delay_ = patience_.first_delay;
    state_ = State::kOpening;
    return open();
}

Result<void, Failure> SystemdLink::open() {
    bus_ = HVIS_TRY(open_());
    // Not from within the bus that is gone: it is still in use then.
    bus_->when_gone([this](const Failure& why) { lost(why); });
    HVIS_CHECK(owner_.opened(*bus_));
    return subscribe();
}

Result<void, Failure> SystemdLink::subscribe() {
    const int sent = ::sd_bus_call_method_async(
        bus_->get(), nullptr, kService, "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager", "Subscribe",
        [](sd_bus_message* reply, void* link, sd_bus_error*) {
            auto& self = *static_cast<SystemdLink*>(link);
            if (const sd_bus_error* error = ::sd_bus_message_get_error(reply); error != nullptr) {
                self.lost(no_answer(error->message != nullptr ? error->message : error->name));
            } else {
                self.subscribed();
            }
            return 0;
        },
        this, "");
    if (sent < 0) {
        return std::unexpected(no_answer(std::generic_category().message(-sent)));
    }
    bus_->update();
    return {};
}

void SystemdLink::subscribed() {
    state_ = State::kReady;
    if (std::exchange(was_lost_, false)) {
        log(LogLevel::kNotice, "manager", "systemd answers again");
    }
    owner_.ready();
    run_waiting(nullptr);
}

void SystemdLink::lost(Failure why) {
    if (state_ == State::kReady) {
        tries_ = 0;
        delay_ = patience_.first_delay;
    }
    if (!std::exchange(was_lost_, true)) {
        log(LogLevel::kWarning, "manager", why.message + "; it is tried again, workers run on");
    }
    loop_.cancel_timer(timer_);
    if (++tries_ > patience_.tries) {
        state_ = State::kDown;
        log(LogLevel::kError, "manager",
            why.message + "; it is tried again when a VM is started; " + why.hint);
        // The bus may be what calls.
        timer_ = loop_.add_timer(loop::Loop::now(), [this, why = std::move(why)] {
            timer_ = 0;
            bus_.reset();
            run_waiting(&why);
        });
        return;
    }
    state_ = State::kOpening;
    timer_ = loop_.add_timer(loop::Loop::now() + delay_, [this] { try_again(); });
    delay_ *= 2;
}

void SystemdLink::try_again() {
    timer_ = 0;
    bus_.reset();
    if (auto opened = open(); !opened) {
        lost(std::move(opened).error());
    }
}

void SystemdLink::when_ready(Work work) {
    if (state_ == State::kReady) {
        work(nullptr);
        return;
    }
    waiting_.push_back(std::move(work));
    if (state_ == State::kDown && timer_ == 0) {
        tries_ = 0;
        delay_ = patience_.first_delay;
        state_ = State::kOpening;
        timer_ = loop_.add_timer(loop::Loop::now(), [this] { try_again(); });
    }
}

void SystemdLink::run_waiting(const Failure* why) {
    for (const Work& work : std::exchange(waiting_, {})) {
        work(why);
    }
}

}  // namespace hvis::manager
