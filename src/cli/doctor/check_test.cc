#include "cli/doctor/check.h"

#include <cerrno>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/fake_hvisd.h"

namespace hvis::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* kGoodProbe =
    R"({"capabilities":[{"name":"KVM_CAP_HYPERV_SYNIC2","since":"4.14","needed":true,"present":true}],
        "processor":true})";

/// A host on which all is well; tests spoil one thing.
struct World {
    std::map<std::string, std::string> files = {
        {"/proc/cpuinfo", "flags : fpu vmx"},
        {"/proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 1 kB\nMemAvailable: 4194304 kB\n"},
        {"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never"}};
    std::set<std::string> present = {"/run/systemd/system", "/var/lib/systemd/linger/hvis",
                                     "/usr/lib/systemd/user/dbus.socket"};
    std::string owner = "hvis";
    int kvm_error = 0;
    std::map<std::string, std::string, std::less<>> programs = {
        {"hvis-vm", "/usr/bin/hvis-vm"},
        {"passt", "/usr/bin/passt"},
        {"qemu-storage-daemon", "/usr/bin/qemu-storage-daemon"}};
    Ran probe = {.status = 0, .output = kGoodProbe};
    std::string release = "6.1.0-25-amd64";
    std::vector<std::string> groups = {"hvis"};

    [[nodiscard]] Host host() const {
        return {.read =
                    [this](const std::string& path) {
                        const auto found = files.find(path);
                        return found == files.end() ? std::string() : found->second;
                    },
                .exists = [this](const std::string& path) { return present.contains(path); },
                .owner = [this](const std::string&) { return owner; },
                .open_error = [this](const std::string&) { return kvm_error; },
                .find_program =
                    [this](std::string_view name) {
                        const auto found = programs.find(name);
                        return found == programs.end() ? std::string() : found->second;
                    },
                .run = [this](const std::vector<std::string>&) { return probe; },
                .kernel_release = [this] { return release; },
                .groups = [this] { return groups; }};
    }
};

Check find(const std::vector<Check>& checks, const std::string& name) {
    for (const Check& check : checks) {
        if (check.name == name) {
            return check;
        }
    }
    ADD_FAILURE() << "no check " << name;
    return {};
}

TEST(Doctor, FindsNothingWrongWithAGoodHost) {
    const World world;
    for (const auto& checks : {check_kvm(world.host(), {}), check_host(world.host())}) {
        EXPECT_EQ(worst_of(checks), CheckState::kOk) << checks_text(checks);
        for (const Check& check : checks) {
            EXPECT_THAT(check.fix, IsEmpty()) << check.name;
        }
    }
}

TEST(Doctor, GivesAFixForWhateverIsWrong) {
    World world;
    world.files["/proc/meminfo"] = "MemTotal: 8388608 kB\nMemAvailable: 1024 kB\n";
    world.files["/sys/kernel/mm/transparent_hugepage/enabled"] = "always madvise [never]";
    world.files["/proc/cpuinfo"] = "flags : fpu hypervisor";
    world.programs.erase("passt");
    world.programs.erase("qemu-storage-daemon");
    world.release = "5.9.1";
    auto checks = check_host(world.host());
    const auto more = check_kvm(world.host(), {});
    checks.insert(checks.end(), more.begin(), more.end());
    for (const char* name : {"memory", "huge-pages", "nesting", "passt", "qemu-storage-daemon"}) {
        EXPECT_EQ(find(checks, name).state, CheckState::kWarning) << name;
        EXPECT_NE(find(checks, name).fix, "") << name;
    }
    EXPECT_EQ(find(checks, "kernel").state, CheckState::kMissing);
    EXPECT_EQ(find(checks, "qemu-storage-daemon").fix, "apt-get install qemu-system-common");
}

TEST(Doctor, TellsAMissingKvmFromAForbiddenOne) {
    World world;
    world.kvm_error = ENOENT;
    EXPECT_THAT(find(check_kvm(world.host(), {}), "kvm").fix, HasSubstr("modprobe kvm_intel"));
    world.kvm_error = EACCES;
    EXPECT_THAT(find(check_kvm(world.host(), {}), "kvm").fix, HasSubstr("usermod -aG kvm"));
    EXPECT_EQ(worst_of(check_kvm(world.host(), {})), CheckState::kMissing);
}

TEST(Doctor, SaysOfKvmWhatHvisdSays) {
    World world;
    FakeHvisd hvisd;
    Api api(UnixEndpoint{hvisd.path()}, -1);
    world.kvm_error = EACCES;
    EXPECT_EQ(worst_of(check_kvm(world.host(), kvm_of_hvisd(api))), CheckState::kOk)
        << "hvisd may, and it is hvisd that runs the VMs";
    world.kvm_error = 0;
    hvisd.answer("GET /api/v1/host", 200,
                 R"({"kvm":{"usable":false,"explanation":"hvisd may not open /dev/kvm"}})");
    EXPECT_EQ(find(check_kvm(world.host(), kvm_of_hvisd(api)), "kvm-hvisd").finding,
              "hvisd cannot use KVM: hvisd may not open /dev/kvm");
    world.kvm_error = EACCES;
    EXPECT_EQ(find(check_kvm(world.host(), kvm_of_hvisd(api)), "kvm").state, CheckState::kMissing);
    Api nobody(UnixEndpoint{"/nowhere/hvisd.sock"}, -1);
    EXPECT_FALSE(kvm_of_hvisd(nobody).has_value());
}

TEST(Doctor, NamesTheCapabilitiesThatKvmLacks) {
    World world;
    world.probe.output =
        R"({"capabilities":[{"name":"KVM_CAP_A","since":"4.14","needed":true,"present":false},
                            {"name":"KVM_CAP_B","since":"5.14","needed":false,"present":false}]})";
    const Check needed = find(check_kvm(world.host(), {}), "kvm-hyperv");
    EXPECT_EQ(needed.state, CheckState::kMissing);
    EXPECT_EQ(needed.finding, "KVM lacks KVM_CAP_A (Linux 4.14)");
    EXPECT_THAT(needed.fix, HasSubstr("lab/run"));
    world.probe.output =
        R"({"capabilities":[{"name":"KVM_CAP_B","since":"5.14","needed":false,"present":false}],
            "processor":false,"processor_error":"KVM_CREATE_VCPU: Invalid argument"})";
    const auto checks = check_kvm(world.host(), {});
    EXPECT_EQ(find(checks, "kvm-hyperv").state, CheckState::kWarning);
    EXPECT_EQ(find(checks, "kvm-processor").finding, "KVM_CREATE_VCPU: Invalid argument");
}

TEST(Doctor, MissesAWorkerThatIsNotThereOrTooOld) {
    World world;
    world.probe = {.status = 2, .output = ""};
    EXPECT_THAT(find(check_kvm(world.host(), {}), "hvis-vm").finding, HasSubstr("status 2"));
    world.programs.erase("hvis-vm");
    EXPECT_EQ(find(check_kvm(world.host(), {}), "hvis-vm").state, CheckState::kMissing);
}

TEST(Doctor, AsksHvisdForItsVersion) {
    const World world;
    FakeHvisd hvisd;
    Api api(UnixEndpoint{hvisd.path()}, -1);
    EXPECT_THAT(find(check_manager(world.host(), api), "hvisd").finding,
                StartsWith("hvisd is of version 9.9.9"));
    Api nobody(UnixEndpoint{kSystemSocket + std::string(".nowhere")}, -1);
    const Check missing = find(check_manager(world.host(), nobody), "hvisd");
    EXPECT_EQ(missing.state, CheckState::kMissing);
    EXPECT_THAT(missing.fix, HasSubstr("start it"));
}

TEST(Doctor, PassesOnHowACallerWithoutARoleGetsOne) {
    const World world;
    FakeHvisd hvisd;
    hvisd.answer("GET /api/v1/version", 403,
                 R"({"detail":"uid 1000 has no role","code":"failed",
                     "hint":"[roles] users = { 1000 = \"operator\" }"})");
    Api api(UnixEndpoint{hvisd.path()}, -1);
    const Check check = find(check_manager(world.host(), api), "hvisd");
    EXPECT_EQ(check.state, CheckState::kMissing);
    EXPECT_EQ(check.finding, "uid 1000 has no role");
    EXPECT_EQ(check.fix, "[roles] users = { 1000 = \"operator\" }");
}

/// hvisd has last started a worker with this process.
void last_worker(FakeHvisd& hvisd, const std::string& process) {
    hvisd.answer("GET /api/v1/events", 200,
                 R"({"events":[{"id":7001,"fields":{"pid":")" + process + R"("}}],"last":1})");
}

TEST(Doctor, LooksAtWhatStartsTheWorkers) {
    World world;
    FakeHvisd hvisd;
    Api api(UnixEndpoint{hvisd.path()}, -1);
    last_worker(hvisd, "4711");
    const std::string group = "0::/user.slice/user-999.slice/user@999.service/app.slice/";
    world.files["/proc/4711/cgroup"] = group + "hvis-vm@5c0a3f5e.service\n";
    auto checks = check_launcher(world.host(), api);
    EXPECT_EQ(worst_of(checks), CheckState::kOk) << checks_text(checks);
    EXPECT_EQ(find(checks, "launcher").finding, "workers are units of systemd");
    EXPECT_THAT(hvisd.take_lines(),
                testing::ElementsAre("GET /api/v1/events?id=7001%2C7002&newest=true&limit=1"));

    world.files["/proc/4711/cgroup"] = "0::/system.slice/hvisd.service\n";
    const Check child = find(check_launcher(world.host(), api), "launcher");
    EXPECT_EQ(child.state, CheckState::kWarning);
    EXPECT_THAT(child.fix, HasSubstr("launcher = \"child\""));

    world.files.erase("/proc/4711/cgroup");
    EXPECT_THAT(find(check_launcher(world.host(), api), "launcher").finding,
                StartsWith("no worker runs"));
    last_worker(hvisd, "../../etc");
    EXPECT_EQ(worst_of(check_launcher(world.host(), api)), CheckState::kOk);
}

TEST(Doctor, MissesWhatKeepsTheManagerOfHvisdsUserUp) {
    World world;
    FakeHvisd hvisd;
    Api api(UnixEndpoint{hvisd.path()}, -1);
    world.present = {"/run/systemd/system"};
    auto checks = check_launcher(world.host(), api);
    EXPECT_EQ(find(checks, "linger").state, CheckState::kWarning);
    EXPECT_EQ(find(checks, "linger").fix, "sudo loginctl enable-linger hvis");
    EXPECT_THAT(find(checks, "dbus-user-session").fix,
                StartsWith("apt-get install dbus-user-session"));

    world.owner = "root";
    EXPECT_EQ(check_launcher(world.host(), api).size(), 1U) << "root asks the system's own systemd";
    world.present.clear();
    EXPECT_THAT(find(check_launcher(world.host(), api), "launcher").finding,
                StartsWith("no systemd here"));
    world.owner.clear();
    EXPECT_THAT(check_launcher(world.host(), api), IsEmpty());
}

TEST(Doctor, ReportsForPeopleAndForPrograms) {
    const std::vector<Check> checks = {{"a", CheckState::kOk, "fine", ""},
                                       {"b", CheckState::kWarning, "odd", "mend it"}};
    EXPECT_EQ(checks_text(checks),
              "CHECK  STATE    FINDING\n"
              "a      ok       fine\n"
              "b      warning  odd\n"
              "                -> mend it\n");
    const Json document = checks_document(checks);
    EXPECT_EQ(document["state"], "warning");
    EXPECT_EQ(document["checks"][1]["fix"], "mend it");
}

TEST(Doctor, RunsAProgramAndKeepsWhatItSays) {
    const Host host = Host::real();
    const Ran ran = host.run({"/bin/sh", "-c", "echo hello; exit 3"});
    EXPECT_EQ(ran.status, 3);
    EXPECT_EQ(ran.output, "hello\n");
    EXPECT_EQ(host.run({"/nowhere/program"}).status, -1);
    EXPECT_THAT(host.find_program("sh"), testing::EndsWith("/sh"));
    EXPECT_EQ(host.find_program("hvis-no-such-program"), "");
}

}  // namespace
}  // namespace hvis::cli
