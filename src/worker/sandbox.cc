#include "worker/sandbox.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>

#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/sanitizers.h"

#if HVIS_ADDRESS_SANITIZER
// The leak check at the end traces the process from a new one, which the filter forbids: it would
// wait for ever. The tests of the libraries look for leaks.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace hvis::worker {
namespace {

/// Allowed whatever the arguments are.
constexpr std::array kPlainCalls = {
    // Descriptors that are open already.
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv2),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    // The event loop.
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(eventfd2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    // Clients of the control and serial sockets; the sockets' files go when the worker ends.
    SCMP_SYS(accept4),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(getsockopt),
    SCMP_SYS(geteuid),
    SCMP_SYS(unlink),
    // Loopback guests: each start, and the end of one that does not read.
    SCMP_SYS(socketpair),
    SCMP_SYS(shutdown),
    // Last words, and the console's log when it is full: files and directories are open.
    SCMP_SYS(ftruncate),
    SCMP_SYS(fsync),
    SCMP_SYS(renameat),
    SCMP_SYS(unlinkat),
    // Memory: guest RAM is emptied when the machine is reset.
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    // Threads.
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    // Signals.
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    // Clocks and chance.
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getrandom),
    // The host's name, which guests are told.
    SCMP_SYS(uname),
#if HVIS_SANITIZED
    // What the sanitizers' run-time libraries need to watch threads and to write a report.
    SCMP_SYS(openat),
    SCMP_SYS(open),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(getdents64),
    SCMP_SYS(wait4),
    SCMP_SYS(ptrace),
    SCMP_SYS(kill),
    SCMP_SYS(getppid),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(pipe2),
    SCMP_SYS(access),
    SCMP_SYS(personality),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getcpu),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(membarrier),
    SCMP_SYS(prctl),
#endif
};

/// ioctl requests carry their driver's letter in the second byte; KVM's is 0xae.
constexpr uint64_t kIoctlTypeMask = 0xff00;
constexpr uint64_t kKvmType = uint64_t{KVMIO} << 8U;

/// A thread of this process and nothing else: no new process, no new namespace.
constexpr uint64_t kCloneMask = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VFORK |
                                CLONE_PTRACE | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr uint64_t kCloneThread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;

struct FilterDeleter {
    void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterDeleter>;

Result<void> check(int result) {
    if (result != 0) {
        return std::unexpected(
            Error{Errc::kOs, "cannot add a rule to the seccomp filter", -result});
    }
    return {};
}

/// Allowed if the argument compares so.
Result<void> allow_if(const Filter& filter, int call, const scmp_arg_cmp& comparison) {
    return check(seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 1, &comparison));
}

Result<void> add_memory_rules(const Filter& filter) {
    const scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    HVIS_CHECK(allow_if(filter, SCMP_SYS(mmap), no_code));
    return allow_if(filter, SCMP_SYS(mprotect), no_code);
}

Result<void> add_thread_rules(const Filter& filter) {
    HVIS_CHECK(
        allow_if(filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, kCloneMask, kCloneThread)));
    // Its flags are in memory, where no filter can look: the C library goes on with clone.
    HVIS_CHECK(check(seccomp_rule_add_array(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3),
                                            0, nullptr)));
    // Kicks of the virtual processors, and abort().
    HVIS_CHECK(allow_if(filter, SCMP_SYS(tgkill),
                        SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()))));
    // Each vCPU thread names itself and narrows its filter.
#if !HVIS_SANITIZED
    // fstat() is newfstatat() with an empty path in newer C libraries.
    HVIS_CHECK(allow_if(filter, SCMP_SYS(newfstatat),
                        SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)));
    // And lstat(): at its end the control socket is removed only if it is still its own.
    HVIS_CHECK(allow_if(filter, SCMP_SYS(newfstatat), SCMP_A3(SCMP_CMP_EQ, AT_SYMLINK_NOFOLLOW)));
    HVIS_CHECK(allow_if(filter, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)));
    HVIS_CHECK(allow_if(filter, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS)));
#endif
    return allow_if(filter, SCMP_SYS(seccomp), SCMP_A0(SCMP_CMP_LE, SECCOMP_GET_NOTIF_SIZES));
}

}  // namespace

Result<void> confine_loop_thread() {
    const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
    if (!filter) {
        return fail(Errc::kOs, "cannot make a seccomp filter");
    }
    for (const int call : kPlainCalls) {
        HVIS_CHECK(check(seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 0, nullptr)));
    }
    HVIS_CHECK(
        allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, kIoctlTypeMask, kKvmType)));
    HVIS_CHECK(add_memory_rules(filter));
    HVIS_CHECK(add_thread_rules(filter));
    if (seccomp_load(filter.get()) != 0) {
        return fail(Errc::kOs, "cannot load the seccomp filter");
    }
    return {};
}

}  // namespace hvis::worker
