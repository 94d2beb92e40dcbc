#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include <linux/kvm.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "kvm/cpuid.h"
#include "kvm/exits.h"
#include "kvm/kvm_device.h"
#include "kvm/machine.h"

namespace hvis::kvm {

/// Exit counters of the whole partition: they outlive its processors.
class ExitCounters {
public:
    void add(ExitKind kind) {
        counters_[static_cast<size_t>(kind)].fetch_add(1, std::memory_order_relaxed);
    }
    [[nodiscard]] ExitCounts snapshot() const;

private:
    std::array<std::atomic<uint64_t>, kExitKinds> counters_{};
};

/// One virtual processor and the thread that runs it. The thread does KVM_RUN and what an exit asks
/// for, nothing else. All methods are for the loop thread.
class Vcpu {
public:
    /// `machine` and everything in `targets` must outlive the processor.
    static Result<std::unique_ptr<Vcpu>> create(const KvmDevice& device, const Machine& machine,
                                                uint32_t index, const ExitTargets& targets,
                                                ExitCounters& counters);
    Vcpu(const Vcpu&) = delete;
    Vcpu& operator=(const Vcpu&) = delete;
    /// Ends and joins the thread.
    ~Vcpu();

    [[nodiscard]] int fd() const { return fd_.get(); }
    /// The Hyper-V leaves that KVM can give this processor.
    [[nodiscard]] Result<CpuidEntries> supported_hyperv_cpuid() const;
    [[nodiscard]] Result<void> set_cpuid(const CpuidEntries& entries) const;

    /// Makes the thread, which confines itself and then waits, paused.
    Result<void> start_thread(const std::function<Result<void>()>& confine);
    void run();
    /// Asks the processor to leave the guest; wait_paused returns when it has.
    void request_pause();
    void wait_paused();

private:
    enum class Wanted : uint8_t { kPaused, kRunning, kEnded };
    enum class State : uint8_t { kStarting, kPaused, kRunning, kFailed, kEnded };

    Vcpu(UniqueFd fd, kvm_run* run, size_t run_size, uint32_t index, const ExitTargets& targets,
         ExitCounters& counters);
    void thread_main(const std::function<Result<void>()>& confine);
    bool wait_for_work();
    void run_guest();
    bool run_once();
    void want(Wanted wanted);
    void set_state(State state);

    UniqueFd fd_;
    kvm_run* run_;
    size_t run_size_;
    uint32_t index_;
    ExitTargets targets_;
    ExitCounters& counters_;

    std::mutex mutex_;  // guards the two below and changes of wanted_; held for a look or a change
    State state_ = State::kStarting;
    Error failure_{Errc::kState, ""};
    std::atomic<Wanted> wanted_{Wanted::kPaused};
    std::condition_variable changed_;
    std::thread thread_;
};

}  // namespace hvis::kvm
