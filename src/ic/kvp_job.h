#pragma once

#include <optional>
#include <vector>

#include "ic/request.h"
#include "ic/status.h"
#include "wire/kvp.h"

namespace hvis::ic {

using wire::KvpIpInfo;
using wire::KvpPair;
using wire::KvpPool;

/// How a key/value request ended, with what it brought.
struct KvpFinished {
    RequestId id = 0;
    Outcome outcome = Outcome::kDone;
    uint32_t status = 0;         ///< the HRESULT of a refusal
    std::optional<Error> error;  ///< the refusal in words, where they are known
    std::vector<KvpPair> pairs;  ///< of list and get; guest-controlled text
    std::optional<KvpIpInfo> ip_info;
    uint32_t unreadable = 0;  ///< pairs that the guest would not or could not give
    bool truncated = false;   ///< there were more than KvpJob::kMaxPairs
    bool operator==(const KvpFinished&) const = default;
};

/// What a guest says when a key is not there, or a list at its end. Linux: HV_S_CONT; Windows: the
/// registry's own code. Never said in the name of a daemon that is silent.
bool means_missing(uint32_t status);

enum class KvpTask : uint8_t { kList, kGet, kAdd, kSet, kDelete, kGetIpInfo, kSetIpInfo };

/// One request as the steps that it takes on the wire. Reading is done by enumeration throughout:
/// Linux's own get never returns a value (kvp_send_key in hv_kvp.c).
class KvpJob {
public:
    /// A pair that the guest refuses is asked for once more before it counts as unreadable. A guest
    /// that lists more than this is cut off.
    static constexpr uint32_t kMaxPairs = 1024;
    /// Refusals in a row that end an enumeration; single ones are pairs that the guest cannot
    /// express (Linux: a pool file that is not UTF-8).
    static constexpr uint32_t kMaxUnreadableInRow = 3;

    /// What the task works on; each uses its own part.
    struct Subject {
        KvpPool pool{};
        KvpPair pair;
        KvpIpInfo ip_info;
    };

    KvpJob(RequestId id, KvpTask task, Subject subject, TimePoint deadline);

    [[nodiscard]] RequestId id() const { return finished_.id; }
    [[nodiscard]] TimePoint deadline() const { return deadline_; }
    /// The guest was paused for so long.
    void postpone(Duration pause) { deadline_ += pause; }

    /// What to ask the guest next.
    [[nodiscard]] wire::KvpRequest request() const;
    /// True if the job is over and result() is final.
    [[nodiscard]] bool answered(uint32_t status, ByteView body, Version version);
    /// Ends it from outside; what it had gathered is dropped.
    void end(Outcome outcome) {
        finished_.outcome = outcome;
        finished_.pairs.clear();
    }
    void refuse(uint32_t status, std::optional<Error> error);
    [[nodiscard]] KvpFinished& result() { return finished_; }

private:
    enum class Step : uint8_t { kEnumerate, kChange };

    bool enumerated(uint32_t status, ByteView body);
    bool enumeration_ended();
    bool refused(uint32_t status, std::optional<Error> error);

    KvpTask task_;
    Step step_;
    Subject subject_;
    TimePoint deadline_;
    uint32_t index_ = 0;
    uint32_t unreadable_in_row_ = 0;
    bool asked_again_ = false;  ///< the pair at index_, because the guest refused it
    KvpFinished finished_;
};

}  // namespace hvis::ic
