#include "manager/supervisor/unit_properties.h"

#include <algorithm>
#include <string>
#include <vector>

#include <pwd.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

namespace hvis::manager {
namespace {

/// Appends one property after the other; the first failure counts.
class Properties {
public:
    explicit Properties(sd_bus_message* message) : message_(message) {
        note(::sd_bus_message_open_container(message_, 'a', "(sv)"));
    }
    int close() {
        note(::sd_bus_message_close_container(message_));
        return result_;
    }

    void text(const char* name, const std::string& value) {
        note(::sd_bus_message_append(message_, "(sv)", name, "s", value.c_str()));
    }
    void flag(const char* name, bool value) {
        note(::sd_bus_message_append(message_, "(sv)", name, "b", value ? 1 : 0));
    }
    void number(const char* name, uint64_t value) {
        note(::sd_bus_message_append(message_, "(sv)", name, "t", value));
    }
    void texts(const char* name, const std::vector<std::string>& values) {
        std::vector<char*> pointers;
        std::vector<std::string> copies = values;
        for (std::string& copy : copies) {
            pointers.push_back(copy.data());
        }
        pointers.push_back(nullptr);
        open(name, "as");
        note(::sd_bus_message_append_strv(message_, pointers.data()));
        shut();
    }
    /// The only program of the unit, with its one argument.
    void command(const std::string& program, const std::string& argument) {
        open("ExecStart", "a(sasb)");
        note(::sd_bus_message_append(message_, "a(sasb)", 1, program.c_str(), 2, program.c_str(),
                                     argument.c_str(), 0));
        shut();
    }
    void only_families(const std::vector<std::string>& families) {
        open("RestrictAddressFamilies", "(bas)");
        note(::sd_bus_message_open_container(message_, 'r', "bas"));
        note(::sd_bus_message_append(message_, "b", 1));
        note(::sd_bus_message_open_container(message_, 'a', "s"));
        for (const std::string& family : families) {
            note(::sd_bus_message_append(message_, "s", family.c_str()));
        }
        note(::sd_bus_message_close_container(message_));
        note(::sd_bus_message_close_container(message_));
        shut();
    }
    void only_device(const char* device) {
        text("DevicePolicy", "closed");
        open("DeviceAllow", "a(ss)");
        note(::sd_bus_message_append(message_, "a(ss)", 1, device, "rw"));
        shut();
    }

private:
    void open(const char* name, const char* type) {
        note(::sd_bus_message_open_container(message_, 'r', "sv"));
        note(::sd_bus_message_append(message_, "s", name));
        note(::sd_bus_message_open_container(message_, 'v', type));
    }
    void shut() {
        note(::sd_bus_message_close_container(message_));
        note(::sd_bus_message_close_container(message_));
    }
    void note(int result) { result_ = std::min(result_, result); }

    sd_bus_message* message_;
    int result_ = 0;
};

/// What only the system's own systemd can do, and what a worker never needs.
void confine(Properties& properties, const Launcher::Order& order) {
    properties.text("ProtectSystem", "strict");
    properties.texts("ReadWritePaths", {order.files.runtime, order.files.state});
    properties.text("ProtectHome", "read-only");
    properties.flag("PrivateTmp", true);
    properties.flag("ProtectKernelTunables", true);
    properties.flag("ProtectKernelModules", true);
    properties.flag("ProtectKernelLogs", true);
    properties.flag("ProtectControlGroups", true);
    properties.flag("ProtectClock", true);
    properties.flag("ProtectHostname", true);
    properties.flag("RestrictRealtime", true);
    properties.flag("RestrictSUIDSGID", true);
    properties.flag("LockPersonality", true);
    properties.number("RestrictNamespaces", 0);
    properties.number("CapabilityBoundingSet", 0);
    properties.only_families({"AF_UNIX"});
    properties.only_device("/dev/kvm");
    if (const passwd* user = ::getpwuid(::geteuid()); user != nullptr) {
        properties.text("User", user->pw_name);
    }
}

}  // namespace

int append_unit_properties(sd_bus_message* message, const Launcher::Order& order,
                           Bus::Scope scope) {
    Properties properties(message);
    properties.text("Description", "hvis: virtual machine " + order.vm_name);
    properties.text("Type", "exec");
    properties.command(order.program, order.files.config);
    // Gone when it has ended, however it ended: its name is free for the next start.
    properties.text("CollectMode", "inactive-or-failed");
    properties.text("KillMode", "mixed");
    // A worker that is told to end gives its guest 60 s to shut down.
    properties.number("TimeoutStopUSec", 75'000'000);
    properties.text("OOMPolicy", "stop");
    properties.flag("NoNewPrivileges", true);
    properties.number("LimitNOFILE", 4096);
    properties.texts("Environment", {"HVIS_VM=" + order.vm.to_string()});
    if (scope == Bus::Scope::kSystem) {
        confine(properties, order);
    }
    return properties.close();
}

}  // namespace hvis::manager
