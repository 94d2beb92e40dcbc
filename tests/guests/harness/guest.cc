#include "harness/guest.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "harness/suite.h"

namespace hvis::guests {
namespace {

bool emulated() {
    const char* lab = std::getenv("HVIS_LAB");
    return lab != nullptr && std::string_view(lab) == "emulated";
}

std::string last_lines(const std::string& text, size_t count) {
    size_t start = text.size();
    while (start > 0 && count > 0) {
        start = text.rfind('\n', start - 1);
        start = start == std::string::npos ? 0 : start;
        --count;
    }
    return text.substr(start);
}

}  // namespace

std::unique_ptr<Guest> Guest::boot(const MachineConfig& config) {
    for (int attempt = 1;; ++attempt) {
        std::unique_ptr<Guest> guest = start(config);
        if (guest == nullptr) {
            return nullptr;
        }
        if (guest->console_->wait_ready(Clock::now() + kBootPatience)) {
            return guest;
        }
        // The emulated machine loses a guest now and then before its init (lab/README.md); a real
        // one does not, and what happens after that is never tried again.
        const bool forgiven = attempt < kBootAttempts && emulated();
        std::printf("guest boot %d of %d did not reach its init%s\n", attempt, kBootAttempts,
                    forgiven ? ", boots again" : "");
        guest->dump(suite().name + "-boot");
        if (!forgiven) {
            ADD_FAILURE() << "the guest did not get as far as its console";
            return nullptr;
        }
    }
}

std::unique_ptr<Guest> Guest::start(const MachineConfig& config) {
    std::unique_ptr<Guest> guest(new Guest);
    guest->machine_ = Machine::start(config);
    if (guest->machine_ == nullptr) {
        return nullptr;
    }
    guest->console_ =
        Console::connect(guest->machine_->paths().serial, Clock::now() + kReplyPatience);
    if (guest->console_ == nullptr) {
        ADD_FAILURE() << "no serial socket; hvis-vm's log:\n" << guest->machine_->log();
        return nullptr;
    }
    return guest;
}

CommandOutput Guest::run(std::string_view command, Clock::duration patience) {
    CommandOutput result = console_->run(command, Clock::now() + patience);
    if (result.status < 0) {
        ADD_FAILURE() << "the guest's console does not answer to: " << command;
    }
    return result;
}

std::string Guest::output(std::string_view command, Clock::duration patience) {
    const CommandOutput result = run(command, patience);
    EXPECT_EQ(result.status, 0) << command << "\n" << result.output;
    return result.output;
}

int64_t Guest::number(std::string_view command) {
    return std::strtoll(output(command).c_str(), nullptr, 10);
}

bool Guest::eventually(std::string_view command, Clock::duration patience) {
    return wait_until([&] { return console_->silent() || succeeds(command); }, patience) &&
           !console_->silent();
}

std::string Guest::dmesg(std::string_view pattern) {
    return run("dmesg | grep -E '" + std::string(pattern) + "'").output;
}

int64_t Guest::dmesg_count(std::string_view pattern) {
    return std::strtoll(run("dmesg | grep -cE '" + std::string(pattern) + "'").output.c_str(),
                        nullptr, 10);
}

void Guest::expect_service(std::string_view service, std::string_view primary) {
    ServiceView seen;
    EXPECT_TRUE(wait_until([&] {
                    seen = machine_->service(service);
                    return seen.primary == primary || !machine_->process().running();
                }) &&
                seen.primary == primary)
        << service << " should be " << primary << " but is " << seen.primary << " ("
        << seen.secondary << "): " << seen.explanation;
}

void Guest::expect_all_services_ok() {
    for (const std::string_view service : control::kServiceWords) {
        if (machine_->service(service).enabled) {
            expect_service(service, "ok");
        }
    }
}

bool Guest::wait_ready() {
    const bool ready = console_->wait_ready(Clock::now() + kBootPatience);
    EXPECT_TRUE(ready)
        << "the guest did not get as far as its console; the last of what it wrote:\n"
        << last_lines(console_->transcript(), 30);
    return ready;
}

bool Guest::lost_by_emulator() {
    return emulated() && console_->transcript().find(" int3: 0000 ") != std::string::npos;
}

void Guest::dump(const std::string& name) {
    const char* out = std::getenv("HVIS_LAB_OUT");
    const auto folder = std::filesystem::path(out == nullptr ? "." : out) / name;
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    const auto save = [&](const char* file, const std::string& text) {
        write_file((folder / file).string(), text);
    };
    const auto save_and_show = [&](const char* file, const std::string& text) {
        save(file, text);
        std::printf("--- the end of %s/%s\n%s\n", folder.c_str(), file,
                    last_lines(text, 15).c_str());
    };
    if (!console_->silent()) {
        save_and_show("dmesg",
                      console_->run("dmesg | tail -n 60", Clock::now() + kCommandPatience).output);
        save("messages",
             console_->run("tail -n 30 /var/log/messages", Clock::now() + kCommandPatience).output);
        save("console", console_->transcript());
    } else {
        save_and_show("console", console_->transcript());
    }
    save_and_show("worker.log", machine_->log());
    if (machine_->process().running()) {
        save("status.json", machine_->call(control::StatusCommand{}).dump());
        save("stats.json", machine_->call(control::StatsCommand{}).dump());
    }
    std::string events;
    for (const SeenEvent& event : machine_->events().since(0)) {
        events += std::to_string(event.sequence) + " " + event.name + ": " + event.text + "\n";
    }
    save("events", events);
    std::fflush(stdout);
}

}  // namespace hvis::guests
