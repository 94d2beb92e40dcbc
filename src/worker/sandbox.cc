#include "worker/sandbox.h"

#include <array>
#include <memory>

#include <linux/kvm.h>
#include <seccomp.h>

#if defined(__SANITIZE_ADDRESS__)
// The leak check at the end traces the process from a new one, which the filter forbids: it would
// wait for ever. The tests of the libraries look for leaks.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace hvis::worker {
namespace {

constexpr std::array kAllowed = {
    // Descriptors that are open already.
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fcntl),
    SCMP_SYS(dup),
    // The event loop.
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(eventfd2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(timerfd_settime),
    // Clients of the control and serial sockets.
    SCMP_SYS(accept4),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(getsockopt),
    SCMP_SYS(geteuid),
    SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),
    SCMP_SYS(unlink),
    // Last words: the file and its directory are open.
    SCMP_SYS(fsync),
    SCMP_SYS(renameat),
    SCMP_SYS(unlinkat),
    // Memory: guest RAM is made anew when the machine is reset.
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(memfd_create),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    // Threads.
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(tgkill),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(prctl),
    SCMP_SYS(seccomp),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(membarrier),
    // Signals.
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    // Clocks and chance.
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    // What the sanitizers' run-time libraries need to write a report.
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(wait4),
    SCMP_SYS(ptrace),
    SCMP_SYS(kill),
    SCMP_SYS(getppid),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(pipe2),
    SCMP_SYS(uname),
    SCMP_SYS(access),
    SCMP_SYS(personality),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getcpu),
    SCMP_SYS(arch_prctl),
#endif
};

/// ioctl requests carry their driver's letter in the second byte; KVM's is 0xae.
constexpr uint64_t kIoctlTypeMask = 0xff00;
constexpr uint64_t kKvmType = uint64_t{KVMIO} << 8U;

struct FilterDeleter {
    void operator()(void* filter) const { seccomp_release(filter); }
};

}  // namespace

Result<void> confine_loop_thread() {
    const std::unique_ptr<void, FilterDeleter> filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
    if (!filter) {
        return fail(Errc::kOs, "cannot make a seccomp filter");
    }
    for (const int call : kAllowed) {
        if (seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) != 0) {
            return fail(Errc::kOs, "cannot add a rule to the seccomp filter");
        }
    }
    const scmp_arg_cmp is_kvm = SCMP_A1(SCMP_CMP_MASKED_EQ, kIoctlTypeMask, kKvmType);
    if (seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &is_kvm) != 0) {
        return fail(Errc::kOs, "cannot add a rule to the seccomp filter");
    }
    if (seccomp_load(filter.get()) != 0) {
        return fail(Errc::kOs, "cannot load the seccomp filter");
    }
    return {};
}

}  // namespace hvis::worker
