#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/unique_fd.h"
#include "loop/loop.h"
#include "manager/supervisor/worker_process.h"

namespace hvis::manager {

/// Whether KVM here can run guests, by what a worker itself finds: `hvis-vm --probe`, run as
/// hvisd's user. What it found is kept until KVM's device or the worker's program is another.
/// Manager thread.
class KvmCheck {
public:
    /// The probe is done at once; one that hangs on a broken KVM is killed.
    static constexpr std::chrono::seconds kPatience{20};

    struct Answer {
        bool usable = false;
        std::string explanation;  ///< why not, or what is lacking; empty when all is well
    };
    using Answered = std::function<void(const Answer&)>;

    /// `worker`: path of hvis-vm. `loop` must outlive it.
    KvmCheck(loop::Loop& loop, std::string worker, std::string device = "/dev/kvm");
    /// Nobody who waits is answered.
    ~KvmCheck();
    KvmCheck(const KvmCheck&) = delete;
    KvmCheck& operator=(const KvmCheck&) = delete;

    /// Calls back, perhaps from within.
    void ask(Answered answered);

private:
    /// What an answer is about.
    struct Subject {
        struct stat device = {};
        struct stat worker = {};
        [[nodiscard]] bool is(const Subject& other) const;
    };
    /// What there is only while hvis-vm runs.
    struct Probe {
        Subject subject;
        WorkerProcess process;
        UniqueFd output;
        loop::Loop::TimerId timer = 0;
        bool timed_out = false;
    };
    Result<void> begin(const Subject& subject);
    void ended();
    void answer_all(const Answer& answer);

    loop::Loop& loop_;
    std::string worker_;
    std::string device_;
    std::unique_ptr<Probe> probe_;
    std::vector<Answered> waiting_;
    std::optional<Answer> known_;
    Subject known_of_;
};

}  // namespace hvis::manager
