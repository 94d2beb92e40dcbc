#include "cli/interrupt.h"

#include <csignal>

#include <sys/signalfd.h>

namespace hvis::cli {

Result<UniqueFd> take_interrupts() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) {
        return fail_errno("sigprocmask");
    }
    UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) {
        return fail_errno("signalfd");
    }
    return fd;
}

}  // namespace hvis::cli
