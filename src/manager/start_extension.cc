#include "manager/start_extension.h"

#include <string>

#include <systemd/sd-daemon.h>

namespace hvis::manager {

StartExtension::StartExtension(Duration every, Duration longest)
    : thread_([this, every, until = TimePoint::clock::now() + longest] { run(every, until); }) {}

StartExtension::~StartExtension() {
    {
        const std::scoped_lock lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void StartExtension::run(Duration every, TimePoint until) {
    const std::string text =
        "EXTEND_TIMEOUT_USEC=" + std::to_string(kStep / std::chrono::microseconds(1));
    std::unique_lock lock(mutex_);
    while (!over_ && TimePoint::clock::now() < until) {
        ::sd_notify(0, text.c_str());
        changed_.wait_for(lock, every, [this] { return over_; });
    }
}

}  // namespace hvis::manager
