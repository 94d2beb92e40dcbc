#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "vm/partition.h"
#include "wire/hypercall.h"

namespace hvis::kvm {

/// HvPostMessage, checked; the bytes are a private copy.
struct PostedMessage {
    uint32_t connection_id = 0;
    uint32_t type = 0;
    Bytes payload;
};

/// What vCPU threads leave for the loop thread. Bounded: a guest cannot make it grow.
class PartitionEvents {
public:
    static constexpr size_t kMaxMessages = vm::Partition::kMaxQueuedMessages;
    /// A crash is reported once or twice; a guest that goes on reporting is not listened to.
    static constexpr size_t kMaxCrashes = 8;

    static Result<std::unique_ptr<PartitionEvents>> create();

    // vCPU threads (add_stop: any thread).

    /// The status that the guest gets.
    wire::HvStatus add_message(PostedMessage message);
    void add_crash(vm::CrashReport report);
    /// Only the first reason since the last clear() counts.
    void add_stop(vm::StopReason reason);
    /// add_stop(kTripleFault), and which processor it was.
    void add_triple_fault(uint32_t processor);

    // Loop thread.

    void accept(uint32_t connection_id);
    /// Readable when there may be something to take.
    [[nodiscard]] int fd() const { return wake_.get(); }
    void drain_fd() const;
    /// Makes fd() readable.
    void wake() const;
    /// The oldest message. Until give_back or a next take_message it still counts as queued.
    std::optional<PostedMessage> take_message();
    /// It could not be used now: it is the oldest again.
    void give_back(PostedMessage message);
    std::vector<vm::CrashReport> take_crashes();
    std::optional<vm::StopReason> take_stop();
    /// The processor of add_triple_fault(), if that is what ended the run.
    [[nodiscard]] std::optional<uint32_t> faulted_processor() const;
    /// Forgets everything but the accepted connections.
    void clear();

private:
    explicit PartitionEvents(UniqueFd wake) : wake_(std::move(wake)) {}
    void add_stop(vm::StopReason reason, std::optional<uint32_t> processor);

    UniqueFd wake_;
    mutable std::mutex mutex_;  // guards all below; held for a look-up, a push or a swap
    std::vector<uint32_t> accepted_;
    std::deque<PostedMessage> messages_;
    bool in_hand_ = false;  // one message is with the loop thread
    std::vector<vm::CrashReport> crashes_;
    std::optional<vm::StopReason> stop_;
    bool stop_seen_ = false;
    std::optional<uint32_t> faulted_processor_;
};

}  // namespace hvis::kvm
