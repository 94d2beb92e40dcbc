#include "worker/event_recorder.h"

#include <chrono>
#include <string>
#include <utility>

namespace hvis::worker {

void EventRecorder::record(control::EventId id, control::EventFields fields) {
    const std::string service =
        control::event_service({.sequence = 0, .time = {}, .id = id, .fields = fields});
    if (limit_.allow(id, service, loop::Loop::now())) {
        write(id, std::move(fields));
    } else if (report_timer_ == 0) {
        report_timer_ = loop_.add_timer(*limit_.report_due(), [this] { report(); });
    }
}

void EventRecorder::report() {
    loop_.cancel_timer(std::exchange(report_timer_, 0));
    for (const auto& [id, service, count] : limit_.take_report()) {
        write(control::EventId::kEventsSuppressed,
              {{"service", service},
               {"count", std::to_string(count)},
               {"event", std::string(control::spec_of(id).name)}});
    }
}

void EventRecorder::write(control::EventId id, control::EventFields fields) {
    log_.record(id, std::move(fields), WallTime::from_system(std::chrono::system_clock::now()));
}

}  // namespace hvis::worker
