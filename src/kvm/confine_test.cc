#include "kvm/confine.h"

#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace hvis::kvm {
namespace {

using testing::ExitedWithCode;
using testing::KilledBySignal;

TEST(ConfineVcpuThread, EndsTheProcessThatOpensAFile) {
    EXPECT_EXIT(
        {
            (void)!confine_vcpu_thread();
            (void)open("/dev/null", O_RDONLY);
            _exit(0);
        },
        KilledBySignal(SIGSYS), "");
}

TEST(ConfineVcpuThread, EndsTheProcessThatMakesMemoryExecutable) {
    EXPECT_EXIT(
        {
            (void)!confine_vcpu_thread();
            (void)mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            _exit(0);
        },
        KilledBySignal(SIGSYS), "");
}

TEST(ConfineVcpuThread, EndsTheProcessThatSignalsAnother) {
    EXPECT_EXIT(
        {
            (void)!confine_vcpu_thread();
            (void)syscall(SYS_tgkill, 1, 1, 0);
            _exit(0);
        },
        KilledBySignal(SIGSYS), "");
}

TEST(ConfineVcpuThread, LetsTheThreadDoItsWorkAndEndAndOthersDoTheirs) {
    EXPECT_EXIT(
        {
            const UniqueFd event(eventfd(0, EFD_CLOEXEC));
            std::thread([&] {
                if (!confine_vcpu_thread() || eventfd_write(event.get(), 1) != 0) {
                    _exit(1);
                }
            }).join();
            _exit(open("/dev/null", O_RDONLY) >= 0 ? 0 : 2);
        },
        ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hvis::kvm
