#include "kvm/confine.h"

#include <array>
#include <cerrno>
#include <memory>

#include <linux/kvm.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sanitizers.h"

namespace hvis::kvm {
namespace {

struct Release {
    void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// A debugger or a test sees where it happened; in production the process just ends.
#ifdef NDEBUG
constexpr uint32_t kOnViolation = SCMP_ACT_KILL_PROCESS;
#else
constexpr uint32_t kOnViolation = SCMP_ACT_TRAP;
#endif

/// Allowed whatever the arguments are.
constexpr std::array kPlainCalls = {
    SCMP_SYS(write),            // event fds: interrupts, the loop; log lines
    SCMP_SYS(writev),           // what glibc says before it aborts
    SCMP_SYS(futex),            // mutexes, pausing
    SCMP_SYS(rt_sigreturn),     // end of the kick signal's handler
    SCMP_SYS(rt_sigprocmask),   // thread exit
    SCMP_SYS(madvise),          // thread exit gives its stack back
    SCMP_SYS(munmap),           // heap
    SCMP_SYS(brk),              // heap
    SCMP_SYS(clock_gettime),    // where the vDSO cannot
    SCMP_SYS(getpid),           // abort
    SCMP_SYS(gettid),           // abort
    SCMP_SYS(rt_sigaction),     // abort
    SCMP_SYS(restart_syscall),  // a wait that a signal interrupted
    SCMP_SYS(exit),             // end of the thread
#if HVIS_SANITIZED
    SCMP_SYS(sigaltstack),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(sched_yield),
    SCMP_SYS(pipe2),
    SCMP_SYS(close),
    SCMP_SYS(exit_group),
#endif
};

Result<void> check(int result, std::string_view what) {
    if (result < 0) {
        return std::unexpected(Error{Errc::kOs, what, -result});
    }
    return {};
}

Result<void> allow_without_exec(scmp_filter_ctx filter, int call) {
    constexpr unsigned kProtection = 2;
    const scmp_arg_cmp no_exec = SCMP_CMP(kProtection, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    return check(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &no_exec),
                 "seccomp rule for memory");
}

}  // namespace

Result<void> confine_vcpu_thread() {
    const Filter filter(seccomp_init(kOnViolation));
    if (!filter) {
        return fail(Errc::kOs, "seccomp_init");
    }
    constexpr unsigned kRequest = 1;
    const scmp_arg_cmp run = SCMP_CMP(kRequest, SCMP_CMP_EQ, KVM_RUN);
    HVIS_CHECK(check(seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &run),
                     "seccomp rule for KVM_RUN"));
    // The one call that is made often is looked at first.
    HVIS_CHECK(check(seccomp_syscall_priority(filter.get(), SCMP_SYS(ioctl), 255),
                     "seccomp priority of KVM_RUN"));
    // abort(), and nobody else's threads.
    const scmp_arg_cmp ourselves = SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()));
    HVIS_CHECK(
        check(seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &ourselves),
              "seccomp rule for signals"));
    HVIS_CHECK(allow_without_exec(filter.get(), SCMP_SYS(mmap)));
    HVIS_CHECK(allow_without_exec(filter.get(), SCMP_SYS(mprotect)));
    for (const int call : kPlainCalls) {
        HVIS_CHECK(check(seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 0, nullptr),
                         "seccomp rule"));
    }
    return check(seccomp_load(filter.get()), "seccomp_load");
}

}  // namespace hvis::kvm
