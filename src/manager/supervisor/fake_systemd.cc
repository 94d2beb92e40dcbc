#include "manager/supervisor/fake_systemd.h"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";

pid_t spawn(std::vector<std::string> words) {
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t pid = 0;
    EXPECT_EQ(::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ), 0);
    return pid;
}

int on_subscribe(sd_bus_message* message, void* systemd, sd_bus_error*) {
    ++static_cast<FakeSystemd*>(systemd)->subscribed;
    return ::sd_bus_reply_method_return(message, "");
}
int on_start(sd_bus_message* message, void* systemd, sd_bus_error*) {
    return static_cast<FakeSystemd*>(systemd)->start(message);
}
int on_kill(sd_bus_message* message, void* systemd, sd_bus_error*) {
    return static_cast<FakeSystemd*>(systemd)->kill(message);
}

/// The process of the unit whose object is asked about, or 0.
pid_t unit_at(const char* path, void* systemd) {
    char* unit = nullptr;
    if (::sd_bus_path_decode(path, "/org/freedesktop/systemd1/unit", &unit) <= 0) {
        return 0;
    }
    const auto& units = static_cast<FakeSystemd*>(systemd)->units;
    const auto found = units.find(unit);
    std::free(unit);  // NOLINT(*-no-malloc): allocated by sd-bus
    return found == units.end() ? 0 : found->second;
}

int get_state(sd_bus*, const char* path, const char*, const char*, sd_bus_message* reply,
              void* systemd, sd_bus_error*) {
    return ::sd_bus_message_append(reply, "s", unit_at(path, systemd) != 0 ? "active" : "inactive");
}
int get_pid(sd_bus*, const char* path, const char*, const char*, sd_bus_message* reply,
            void* systemd, sd_bus_error*) {
    return ::sd_bus_message_append(reply, "u", static_cast<uint32_t>(unit_at(path, systemd)));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
constexpr sd_bus_vtable kManagerTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Subscribe", "", "", on_subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", on_start,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("KillUnit", "ssi", "", on_kill, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
    SD_BUS_VTABLE_END};
constexpr sd_bus_vtable kUnitTable[] = {SD_BUS_VTABLE_START(0),
                                        SD_BUS_PROPERTY("ActiveState", "s", get_state, 0, 0),
                                        SD_BUS_VTABLE_END};
constexpr sd_bus_vtable kServiceTable[] = {
    SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("MainPID", "u", get_pid, 0, 0), SD_BUS_VTABLE_END};
#pragma GCC diagnostic pop

int always_there(sd_bus*, const char*, const char*, void* systemd, void** found, sd_bus_error*) {
    *found = systemd;
    return 1;
}

}  // namespace

FakeSystemd::FakeSystemd(loop::Loop& loop) : loop_(loop) {
    std::string name = testing::TempDir() + "hvis-bus-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    address_ = "unix:path=" + directory_ + "/bus";
    std::ofstream(directory_ + "/bus.conf")
        << "<busconfig><type>session</type><listen>" << address_
        << "</listen><policy context=\"default\"><allow send_destination=\"*\"/>"
           "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>";
    start_bus();
}

FakeSystemd::~FakeSystemd() {
    stop_bus();
    for (const auto& [unit, pid] : units) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
}

void FakeSystemd::stop_bus() {
    loop_.cancel_timer(std::exchange(timer_, 0));
    bus_.reset();
    if (const pid_t daemon = std::exchange(daemon_, 0); daemon != 0) {
        ::kill(daemon, SIGKILL);
        ::waitpid(daemon, nullptr, 0);
    }
    std::filesystem::remove(directory_ + "/bus");
}

void FakeSystemd::start_bus() {
    spawn_daemon();
    // The daemon binds its socket a moment before it listens.
    auto bus = Bus::open(loop_, address_);
    for (int round = 0; round < 2000 && !bus; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        bus = Bus::open(loop_, address_);
    }
    EXPECT_TRUE(bus) << bus.error().message;
    bus_ = *std::move(bus);
    sd_bus* raw = bus_->get();
    EXPECT_GE(::sd_bus_add_object_vtable(raw, nullptr, kPath, kManager, kManagerTable, this), 0);
    EXPECT_GE(::sd_bus_add_fallback_vtable(raw, nullptr, "/org/freedesktop/systemd1/unit",
                                           "org.freedesktop.systemd1.Unit", kUnitTable,
                                           always_there, this),
              0);
    EXPECT_GE(::sd_bus_add_fallback_vtable(raw, nullptr, "/org/freedesktop/systemd1/unit",
                                           "org.freedesktop.systemd1.Service", kServiceTable,
                                           always_there, this),
              0);
    EXPECT_GE(::sd_bus_request_name(raw, "org.freedesktop.systemd1", 0), 0);
    bus_->update();
}

void FakeSystemd::spawn_daemon() {
    daemon_ = spawn(
        {"dbus-daemon", "--nofork", "--nopidfile", "--config-file=" + directory_ + "/bus.conf"});
}

void FakeSystemd::read_properties(sd_bus_message* message) {
    properties.clear();
    EXPECT_GT(::sd_bus_message_enter_container(message, 'a', "(sv)"), 0);
    while (::sd_bus_message_enter_container(message, 'r', "sv") > 0) {
        const char* name = nullptr;
        const char* type = nullptr;
        char kind = 0;
        EXPECT_GT(::sd_bus_message_read(message, "s", &name), 0);
        EXPECT_GT(::sd_bus_message_peek_type(message, &kind, &type), 0);
        const char* text = nullptr;
        uint64_t number = 0;
        int flag = 0;
        const std::string_view content = type;
        if (content == "s" && ::sd_bus_message_read(message, "v", "s", &text) > 0) {
            properties[name] = text;
        } else if (content == "t" && ::sd_bus_message_read(message, "v", "t", &number) > 0) {
            properties[name] = std::to_string(number);
        } else if (content == "b" && ::sd_bus_message_read(message, "v", "b", &flag) > 0) {
            properties[name] = flag != 0 ? "true" : "false";
        } else if (content == "a(sasb)") {
            const char* program = nullptr;
            const char* zeroth = nullptr;
            const char* first = nullptr;
            EXPECT_GT(::sd_bus_message_read(message, "v", "a(sasb)", 1, &program, 2, &zeroth,
                                            &first, &flag),
                      0);
            exec_start = std::string(program) + " " + first;
        } else {
            properties[name] = content;
            EXPECT_GE(::sd_bus_message_skip(message, "v"), 0);
        }
        EXPECT_GE(::sd_bus_message_exit_container(message), 0);
    }
    EXPECT_GE(::sd_bus_message_exit_container(message), 0);
}

int FakeSystemd::start(sd_bus_message* message) {
    const char* unit = nullptr;
    const char* mode = nullptr;
    EXPECT_GT(::sd_bus_message_read(message, "ss", &unit, &mode), 0);
    EXPECT_STREQ(mode, "fail");
    read_properties(message);
    if (units.contains(unit)) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        ::sd_bus_error_set(&error, "org.freedesktop.systemd1.UnitExists", "it exists");
        const int sent = ::sd_bus_reply_method_error(message, &error);
        ::sd_bus_error_free(&error);
        return sent;
    }
    if (job_result == "done") {
        units[unit] = spawn({"sleep", "1000"});
    }
    timer_ = loop_.add_timer(loop::Loop::now() + std::chrono::milliseconds(5),
                             [this, name = std::string(unit)] { job_removed(name); });
    return ::sd_bus_reply_method_return(message, "o", "/org/freedesktop/systemd1/job/7");
}

void FakeSystemd::job_removed(const std::string& unit) {
    for (const char* job : {"/org/freedesktop/systemd1/job/6", "/org/freedesktop/systemd1/job/7"}) {
        // The first is somebody else's, and failed.
        const bool ours = std::string_view(job).ends_with("7");
        EXPECT_GE(::sd_bus_emit_signal(bus_->get(), kPath, kManager, "JobRemoved", "uoss", 7U, job,
                                       unit.c_str(), ours ? job_result.c_str() : "failed"),
                  0);
    }
    bus_->update();
}

int FakeSystemd::kill(sd_bus_message* message) {
    const char* unit = nullptr;
    const char* who = nullptr;
    int signal = 0;
    EXPECT_GT(::sd_bus_message_read(message, "ssi", &unit, &who, &signal), 0);
    EXPECT_STREQ(who, "all");
    if (const auto found = units.find(unit); found != units.end()) {
        ::kill(found->second, signal);
        ::waitpid(found->second, nullptr, 0);
        units.erase(found);
    }
    return ::sd_bus_reply_method_return(message, "");
}

}  // namespace hvis::manager
