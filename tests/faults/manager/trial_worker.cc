// A worker without a machine: it says hello, makes events at random moments, and obeys. In place of
// hvis-vm where hundreds of its lives are needed in a minute, or more events than a machine makes:
// HVIS_TRIAL_COUNT events at HVIS_TRIAL_RATE a second once the file HVIS_TRIAL_SIGN is there. When
// they were made, by the monotonic clock, is left beside the control socket in NAME.flood.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include <nlohmann/json.hpp>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/guid.h"
#include "control/event_log.h"
#include "control/server.h"
#include "loop/loop.h"

namespace {

using namespace hvis;
using namespace std::chrono_literals;

WallTime wall() { return WallTime::from_system(std::chrono::system_clock::now()); }

std::string text_variable(const char* name) {
    const char* text = std::getenv(name);
    return text == nullptr ? "" : text;
}

uint64_t variable(const char* name) {
    return std::strtoull(text_variable(name).c_str(), nullptr, 10);
}

std::string made_up_run(std::mt19937& random) {
    Guid run;
    for (uint8_t& byte : run.bytes) {
        byte = static_cast<uint8_t>(random() & 0xffU);
    }
    return run.to_string();
}

class TrialWorker {
public:
    explicit TrialWorker(const control::Json& config)
        : random_(std::random_device()()),
          run_(made_up_run(random_)),
          last_words_(config.at("last_words").get<std::string>()),
          flood_report_(config.at("control").get<std::string>() + ".flood") {
        auto server = control::Server::listen(
            *loop_, log_, config.at("control").get<std::string>(),
            {.program = "hvis-vm",
             .version = "trial",
             .name = config.at("name").get<std::string>(),
             .id = config.at("id").get<std::string>(),
             .run = run_},
            [this](const control::Command& command, control::Responder responder) {
                handle(command, std::move(responder));
            });
        if (server) {
            server_ = *std::move(server);
            server_->publish_status([] {
                control::StatusResult status;
                status.state = "running";
                return status;
            });
            std::ofstream(config.at("control").get<std::string>() + ".pid") << ::getpid();
        }
    }

    int run() {
        if (server_ == nullptr) {
            return 1;
        }
        rate_ == 0 ? make_event() : await_sign();
        loop_->run();
        server_.reset();
        return 0;
    }

private:
    void record() {
        // Named by run and number, so that the test can tell lost and doubled ones.
        log_.record(control::EventId::kVmStopped,
                    {{"reason", run_ + " " + std::to_string(++made_)}}, wall());
    }

    void await_sign() {
        if (::access(sign_.c_str(), F_OK) == 0) {
            flood_began_ = loop::Loop::now();
            make_flood();
        } else {
            loop_->add_timer(loop::Loop::now() + 10ms, [this] { await_sign(); });
        }
    }

    /// As many as the clock asks for, so that a timer that comes late does not lower the rate.
    void make_flood() {
        const auto now = loop::Loop::now();
        const auto passed =
            std::chrono::duration_cast<std::chrono::milliseconds>(now - flood_began_);
        const uint64_t due = std::min(count_, rate_ * static_cast<uint64_t>(passed.count()) / 1000);
        while (made_ < due) {
            record();
        }
        if (made_ < count_) {
            loop_->add_timer(now + 10ms, [this] { make_flood(); });
            return;
        }
        const control::Json report = {{"made", made_},
                                      {"began_us", microseconds(flood_began_)},
                                      {"ended_us", microseconds(loop::Loop::now())}};
        std::ofstream(flood_report_ + ".draft") << control::dump_json(report);
        (void)std::rename((flood_report_ + ".draft").c_str(), flood_report_.c_str());
    }

    static int64_t microseconds(TimePoint moment) {
        return std::chrono::duration_cast<std::chrono::microseconds>(moment.time_since_epoch())
            .count();
    }

    void make_event() {
        record();
        const auto pause = std::chrono::milliseconds(random_() % 20);
        loop_->add_timer(loop::Loop::now() + pause, [this] { make_event(); });
    }

    void handle(const control::Command& command, control::Responder responder) {
        const auto* machine = std::get_if<control::MachineCommand>(&command);
        const bool off =
            machine != nullptr && machine->action == control::MachineCommand::Action::kPowerOff;
        if (off || std::holds_alternative<control::ShutdownCommand>(command)) {
            responder.done();
            write_last_words();
            loop_->stop();
        } else if (std::holds_alternative<control::HeartbeatShowCommand>(command)) {
            responder.done(control::HeartbeatResult());
        } else {
            responder.done();
        }
    }

    void write_last_words() {
        control::Json events = control::Json::array();
        for (const control::Event& event : log_.since(0, control::EventLog::kCapacity)) {
            events.push_back(control::to_json(event));
        }
        const control::Json words = {{"run", run_},       {"state", "stopped"},
                                     {"reason", "asked"}, {"exit_status", 0},
                                     {"events", events},  {"next", log_.next_sequence()}};
        std::ofstream(last_words_ + ".draft") << control::dump_json(words);
        (void)std::rename((last_words_ + ".draft").c_str(), last_words_.c_str());
    }

    std::mt19937 random_;
    std::string run_;
    std::string last_words_;
    std::string flood_report_;
    std::string sign_ = text_variable("HVIS_TRIAL_SIGN");
    TimePoint flood_began_;
    uint64_t made_ = 0;
    uint64_t rate_ = variable("HVIS_TRIAL_RATE");
    uint64_t count_ = variable("HVIS_TRIAL_COUNT");
    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    control::EventLog log_;
    std::unique_ptr<control::Server> server_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::ifstream file(argv[1]);
    return TrialWorker(control::Json::parse(file)).run();
}
