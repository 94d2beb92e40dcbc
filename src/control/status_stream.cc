#include "control/status_stream.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

/// Fields that change all the time.
constexpr std::array kRestless = {"uptime_ms", "exits"};

}  // namespace

StatusStream::StatusStream(loop::Loop& loop, Source source, Send send)
    : loop_(loop), source_(std::move(source)), send_(std::move(send)), next_at_(loop::Loop::now()) {
    changed();
}

StatusStream::~StatusStream() { loop_.cancel_timer(timer_); }

void StatusStream::changed() {
    if (timer_ == 0) {
        timer_ = loop_.add_timer(std::max(next_at_, loop::Loop::now()), [this] {
            timer_ = 0;
            send_if_changed();
        });
    }
}

void StatusStream::flush() {
    if (timer_ != 0) {
        loop_.cancel_timer(std::exchange(timer_, 0));
        send_if_changed();
    }
}

void StatusStream::send_if_changed() {
    const Json status = to_json(CommandResult(source_()));
    Json lasting = status;
    for (const char* name : kRestless) {
        lasting.erase(name);
    }
    std::string text = dump_json(lasting);
    if (text == last_) {
        return;
    }
    last_ = std::move(text);
    next_at_ = loop::Loop::now() + kPeriod;
    send_(dump_json({{"status", status}}));
}

}  // namespace hvis::control
