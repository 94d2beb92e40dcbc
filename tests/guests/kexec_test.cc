// A guest that starts another kernel without a reset. Acceptance case 22.
#include <cstdio>
#include <filesystem>
#include <string>

#include "harness/guest_test.h"
#include "harness/scratch.h"
#include "harness/suite.h"

namespace hvis::guests {
namespace {

/// The suite's initramfs with the suite's kernel and initramfs in its /boot. Linux unpacks archives
/// that follow one another into the same place.
class InitrdWithKernel {
public:
    InitrdWithKernel() {
        std::filesystem::create_directories(scratch_.path("stage/boot"));
        const auto add = [&](const std::string& file, const char* name) {
            std::filesystem::copy_file(file, scratch_.path(std::string("stage/boot/") + name));
        };
        add(suite().kernel, "vmlinuz");
        add(suite().initrd, "initrd");
        const Finished packed = run_program(
            {"/bin/sh", "-ec",
             "cd \"$1/stage\" && { cat \"$2\" && find boot | cpio --quiet -o -H newc; }"
             " >\"$1/initrd\"",
             "sh", scratch_.path(""), std::filesystem::absolute(suite().initrd).string()});
        EXPECT_EQ(packed.status, 0) << packed.errors;
    }

    [[nodiscard]] std::string path() const { return scratch_.path("initrd"); }

private:
    Scratch scratch_;
};

const InitrdWithKernel& initrd_with_kernel() {
    static const InitrdWithKernel kInitrd;
    return kInitrd;
}

class Kexec : public GuestTest {
protected:
    Kexec()
        : GuestTest({.name = "kexec",
                     .processors = 2,
                     .memory_mib = 768,
                     .initrd = initrd_with_kernel().path()}) {}

    /// Three, one after another.
    void start_kernels();
};

// Linux lets go of the bus (UNLOAD), of its hypercall and SynIC pages and of its timers on the way
// (hv_kexec_handler in drivers/hv/vmbus_drv.c, hyperv_cleanup in arch/x86/hyperv/hv_init.c); the
// next kernel brings everything up in the same partition.
void Kexec::start_kernels() {
    Process& worker = guest()->process();
    const std::string devices = guest().output("ls /sys/bus/vmbus/devices");
    const size_t files = worker.open_files();
    const auto start = guest()->mark();
    for (const std::string round : {"1", "2", "3"}) {
        (void)guest().output(
            "cd / && { cat boot/initrd; find boot | cpio -o -H newc; } >/tmp/initrd");
        const auto mark = guest()->mark();
        guest().console().send(
            "probe kexec /boot/vmlinuz /tmp/initrd \"$(cat /proc/cmdline) kernel=" + round + "\"");
        (void)guest()->wait_for_event("vmbus_disconnected", mark);
        if (!guest().console().wait_ready(Clock::now() + kBootPatience) &&
            guest().lost_by_emulator()) {
            return;
        }
        ASSERT_FALSE(guest().console().silent()) << "kernel " << round << " is not up";
        (void)guest()->wait_for_event("vmbus_connected", mark);
        EXPECT_TRUE(guest().succeeds("grep -qw kernel=" + round + " /proc/cmdline"));
        guest().expect_all_services_ok();
        EXPECT_EQ(guest().output("nproc"), "2");
        EXPECT_EQ(guest().output("ls /sys/bus/vmbus/devices"), devices);
        EXPECT_EQ(guest().dmesg_count("Vmbus version:"), 1);
        ASSERT_FALSE(HasFailure()) << "kernel " << round;
    }
    EXPECT_EQ(worker.open_files(), files);
    for (const SeenEvent& event : guest()->events().since(start)) {
        EXPECT_NE(event.name, "vm_reset") << "it was no kexec";
        EXPECT_NE(event.severity, "critical") << event.text;
    }
}

TEST_F(Kexec, BringsTheServicesUpAgainInTheSamePartition) {
    start_kernels();
    for (int attempt = 1; attempt < kBootAttempts && guest().lost_by_emulator(); ++attempt) {
        std::printf("the emulated machine has lost the guest, it boots again\n");
        boot_again();
        start_kernels();
    }
    EXPECT_FALSE(guest().console().silent());
}

}  // namespace
}  // namespace hvis::guests
