#include "kvm/vcpu.h"

#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>

#include <pthread.h>
#include <sys/mman.h>

#include "base/log.h"
#include "kvm/counted_list.h"
#include "kvm/ioctl.h"

namespace hvis::kvm {
namespace {

/// Brings a processor out of KVM_RUN. Its handler does nothing: the interrupted ioctl is the news.
int kick_signal() { return SIGRTMIN; }

void install_kick_handler() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    (void)sigaction(kick_signal(), &action, nullptr);
}

/// All signals but the kick belong to the loop thread.
void set_signal_mask() {
    sigset_t mask;
    sigfillset(&mask);
    sigdelset(&mask, kick_signal());
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
        sigdelset(&mask, fault);
    }
    (void)pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

}  // namespace

ExitCounts ExitCounters::snapshot() const {
    ExitCounts counts;
    for (size_t i = 0; i < kExitKinds; ++i) {
        counts.by_kind[i] = counters_[i].load(std::memory_order_relaxed);
    }
    return counts;
}

Result<std::unique_ptr<Vcpu>> Vcpu::create(const KvmDevice& device, const Machine& machine,
                                           uint32_t index, const ExitTargets& targets,
                                           ExitCounters& counters) {
    UniqueFd fd = HVIS_TRY(machine.create_vcpu(index));
    void* area = mmap(nullptr, device.run_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (area == MAP_FAILED) {
        return fail_errno("mmap of a virtual processor");
    }
    return std::unique_ptr<Vcpu>(new Vcpu(std::move(fd), static_cast<kvm_run*>(area),
                                          device.run_size(), index, targets, counters));
}

Vcpu::Vcpu(UniqueFd fd, kvm_run* run, size_t run_size, uint32_t index, const ExitTargets& targets,
           ExitCounters& counters)
    : fd_(std::move(fd)),
      run_(run),
      run_size_(run_size),
      index_(index),
      targets_(targets),
      counters_(counters) {}

Vcpu::~Vcpu() {
    if (thread_.joinable()) {
        want(Wanted::kEnded);
        thread_.join();
    }
    munmap(run_, run_size_);
}

Result<CpuidEntries> Vcpu::supported_hyperv_cpuid() const {
    CountedList<kvm_cpuid_entry2> list(kMaxCpuidEntries);
    HVIS_CHECK(
        kvm_call(fd_.get(), kGetSupportedHypervCpuid, list.raw(), "KVM_GET_SUPPORTED_HV_CPUID"));
    return list.entries();
}

Result<void> Vcpu::set_cpuid(const CpuidEntries& entries) const {
    CountedList<kvm_cpuid_entry2> list(entries);
    HVIS_CHECK(kvm_call(fd_.get(), kSetCpuid, list.raw(), "KVM_SET_CPUID2"));
    return {};
}

Result<void> Vcpu::start_thread(const std::function<Result<void>()>& confine) {
    install_kick_handler();
    // A new thread inherits its maker's mask: it must not see a signal before it has its own.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int refused = 0;
    try {
        thread_ = std::thread([this, confine] { thread_main(confine); });
    } catch (const std::system_error& error) {  // no more processes, or no room for a stack
        refused = error.code().value();
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!thread_.joinable()) {
        return std::unexpected(Error{Errc::kOs, "cannot start a processor's thread", refused});
    }

    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::kStarting; });
    if (state_ == State::kFailed) {
        return std::unexpected(failure_);
    }
    return {};
}

void Vcpu::run() { want(Wanted::kRunning); }

void Vcpu::request_pause() { want(Wanted::kPaused); }

void Vcpu::wait_paused() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::kRunning && state_ != State::kStarting; });
}

void Vcpu::want(Wanted wanted) {
    const std::lock_guard lock(mutex_);
    if (wanted_.load() == wanted) {
        return;
    }
    wanted_.store(wanted);
    // KVM looks at the flag when it enters the guest, the signal ends a stay that has begun:
    // together they leave no gap.
    std::atomic_ref<uint8_t>(run_->immediate_exit).store(wanted == Wanted::kRunning ? 0 : 1);
    if (wanted != Wanted::kRunning && thread_.joinable()) {
        (void)pthread_kill(thread_.native_handle(), kick_signal());
    }
    changed_.notify_all();
}

void Vcpu::set_state(State state) {
    const std::lock_guard lock(mutex_);
    state_ = state;
    changed_.notify_all();
}

void Vcpu::thread_main(const std::function<Result<void>()>& confine) {
    // By itself: naming another thread opens a file, which the loop thread may not.
    (void)pthread_setname_np(pthread_self(), ("vcpu" + std::to_string(index_)).c_str());
    set_signal_mask();
    if (auto confined = confine(); !confined) {
        failure_ = confined.error();
        set_state(State::kFailed);
        return;
    }
    while (wait_for_work()) {
        run_guest();
    }
    set_state(State::kEnded);
}

bool Vcpu::wait_for_work() {
    std::unique_lock lock(mutex_);
    state_ = State::kPaused;
    changed_.notify_all();
    changed_.wait(lock, [this] { return wanted_.load() != Wanted::kPaused; });
    if (wanted_.load() != Wanted::kRunning) {
        return false;
    }
    // Set here and not by run(): a pause that follows at once must not wait for a thread that has
    // not even woken up.
    state_ = State::kRunning;
    return true;
}

void Vcpu::run_guest() {
    while (wanted_.load(std::memory_order_relaxed) == Wanted::kRunning) {
        if (!run_once()) {
            // What ended it is in the events; the loop thread takes it from there.
            const std::lock_guard lock(mutex_);
            if (wanted_.load() == Wanted::kRunning) {
                wanted_.store(Wanted::kPaused);
            }
        }
    }
}

bool Vcpu::run_once() {
    if (ioctl(fd_.get(), KVM_RUN, 0) < 0) {
        if (errno == EINTR || errno == EAGAIN) {
            counters_.add(ExitKind::kInterrupted);
            return true;
        }
        log(LogLevel::kError, "kvm",
            "processor " + std::to_string(index_) + ": KVM_RUN failed with error " +
                std::to_string(errno));
        targets_.events.add_stop(vm::StopReason::kFailure);
        return false;
    }
    const auto outcome = handle_exit(*run_, run_size_, index_, targets_);
    counters_.add(outcome.kind);
    return outcome.run_on;
}

}  // namespace hvis::kvm
