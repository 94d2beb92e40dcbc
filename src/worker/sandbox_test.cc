#include "worker/sandbox.h"

#include <csignal>
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace hvis::worker {
namespace {

using testing::ExitedWithCode;
using testing::KilledBySignal;

/// Confines a process of its own and lets it try; it leaves with 0 where that is allowed.
[[noreturn]] void try_confined(const std::function<void()>& attempt) {
    if (!confine_loop_thread()) {
        _exit(1);
    }
    attempt();
    _exit(0);
}

#define EXPECT_FORBIDDEN(attempt) \
    EXPECT_EXIT(try_confined([] { (void)(attempt); }), KilledBySignal(SIGSYS), "")

TEST(ConfineLoopThread, ForbidsNewConnectionsProgramsAndProcesses) {
    EXPECT_FORBIDDEN(::socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_FORBIDDEN(::execl("/bin/true", "true", nullptr));
    EXPECT_FORBIDDEN(::fork());
    EXPECT_FORBIDDEN(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    EXPECT_FORBIDDEN(::setuid(0));
}

TEST(ConfineLoopThread, ForbidsSignalsToOthers) {
    EXPECT_FORBIDDEN(::syscall(SYS_tgkill, 1, 1, 0));
}

TEST(ConfineLoopThread, ForbidsMemoryThatIsCode) {
    EXPECT_FORBIDDEN(
        ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_EXIT(
        {
            void* page = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            try_confined([page] { (void)::mprotect(page, 4096, PROT_READ | PROT_EXEC); });
        },
        KilledBySignal(SIGSYS), "");
}

TEST(ConfineLoopThread, ForbidsIoctlsThatAreNotKvms) {
    int size = 0;
    EXPECT_EXIT(try_confined([&] { (void)::syscall(SYS_ioctl, 0, 0x541B, &size); }),
                KilledBySignal(SIGSYS), "");
}

TEST(ConfineLoopThread, LetsTheNameOfTheHostBeLookedAt) {
    EXPECT_EXIT(try_confined([] {
                    utsname host{};
                    _exit(::uname(&host) == 0 ? 0 : 2);
                }),
                ExitedWithCode(0), "");
}

TEST(ConfineLoopThread, LetsThreadsStartNameAndSignalThemselves) {
    EXPECT_EXIT(try_confined([] {
                    std::thread([] {
                        (void)::prctl(PR_SET_NAME, "vcpu0");
                        (void)::syscall(SYS_tgkill, ::getpid(), ::gettid(), 0);
                        void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                        (void)::munmap(memory, 4096);
                    }).join();
                    // The C library may use clone3 only where it finds it.
                    if (::syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS) {
                        _exit(2);
                    }
                }),
                ExitedWithCode(0), "");
}

}  // namespace
}  // namespace hvis::worker
