#include "ic/kvp_job.h"

#include <utility>

namespace hvis::ic {
namespace {

constexpr Error kNoSuchKey{Errc::kNotFound, "the pool has no such key"};
constexpr Error kTooManyPairs{
    Errc::kLimit, "the key is not among the pool's first 1024 pairs, and more are not looked at"};
static_assert(KvpJob::kMaxPairs == 1024);
constexpr Error kKeyExists{Errc::kInvalid, "the key exists already: use set to change it"};
constexpr Error kNoSuchAdapter{Errc::kNotFound, "the guest has no such network adapter"};
constexpr Error kBadAnswer{Errc::kProtocol, "the guest's answer makes no sense"};

bool enumerates(KvpTask task) {
    return task == KvpTask::kList || task == KvpTask::kGet || task == KvpTask::kAdd;
}

}  // namespace

bool means_missing(uint32_t status) {
    return status == wire::kIcNoMoreItems || status == wire::kIcFileNotFound ||
           status == wire::kIcNotFound;
}

KvpJob::KvpJob(RequestId id, KvpTask task, Subject subject, TimePoint deadline)
    : task_(task),
      step_(enumerates(task) ? Step::kEnumerate : Step::kChange),
      subject_(std::move(subject)),
      deadline_(deadline) {
    finished_.id = id;
}

wire::KvpRequest KvpJob::request() const {
    if (step_ == Step::kEnumerate) {
        return wire::KvpEnumerate{.pool = subject_.pool, .index = index_};
    }
    switch (task_) {
        case KvpTask::kDelete:
            return wire::KvpDelete{.pool = subject_.pool, .key = subject_.pair.key};
        case KvpTask::kGetIpInfo:
            return wire::KvpGetIpInfo{.adapter = subject_.ip_info.adapter};
        case KvpTask::kSetIpInfo:
            return wire::KvpSetIpInfo{.info = subject_.ip_info};
        case KvpTask::kList:
        case KvpTask::kGet:
        case KvpTask::kAdd:
        case KvpTask::kSet:
            break;
    }
    return wire::KvpSet{.pool = subject_.pool, .pair = subject_.pair};
}

bool KvpJob::answered(uint32_t status, ByteView body, Version version) {
    if (step_ == Step::kEnumerate) {
        return enumerated(status, body);
    }
    if (status != wire::kIcOk) {
        if (task_ == KvpTask::kDelete && means_missing(status)) {
            return refused(status, kNoSuchKey);
        }
        if (status == wire::kIcGuidNotFound) {
            return refused(status, kNoSuchAdapter);
        }
        return refused(status, std::nullopt);
    }
    if (task_ == KvpTask::kGetIpInfo) {
        auto info = wire::parse_kvp_ip_info(body, version);
        if (!info) {
            return refused(wire::kIcInvalidData, kBadAnswer);
        }
        finished_.ip_info = std::move(*info);
    }
    return true;
}

bool KvpJob::enumerated(uint32_t status, ByteView body) {
    if (status == wire::kIcNoMoreItems) {
        return enumeration_ended();
    }
    // Linux fails the request under way when its daemon ends; the next daemon knows the pair.
    if (status != wire::kIcOk && !std::exchange(asked_again_, true)) {
        return false;
    }
    asked_again_ = false;
    ++index_;
    auto pair = status == wire::kIcOk ? wire::parse_kvp_enumerated(body)
                                      : Result<KvpPair>(std::unexpected(kBadAnswer));
    if (!pair) {
        ++finished_.unreadable;
        if (++unreadable_in_row_ >= kMaxUnreadableInRow) {
            return status == wire::kIcOk ? refused(wire::kIcInvalidData, kBadAnswer)
                                         : refused(status, std::nullopt);
        }
    } else {
        unreadable_in_row_ = 0;
        if (task_ == KvpTask::kList) {
            finished_.pairs.push_back(std::move(*pair));
        } else if (pair->key == subject_.pair.key) {
            if (task_ == KvpTask::kAdd) {
                return refused(wire::kIcAlreadyExists, kKeyExists);
            }
            finished_.pairs.push_back(std::move(*pair));
            return true;
        }
    }
    if (index_ >= kMaxPairs) {
        finished_.truncated = true;
        return enumeration_ended();
    }
    return false;
}

bool KvpJob::enumeration_ended() {
    switch (task_) {
        case KvpTask::kGet:
            return refused(wire::kIcNotFound, finished_.truncated ? kTooManyPairs : kNoSuchKey);
        case KvpTask::kAdd:
            if (finished_.truncated) {
                return refused(wire::kIcNotFound, kTooManyPairs);
            }
            step_ = Step::kChange;
            return false;
        case KvpTask::kList:
        case KvpTask::kSet:
        case KvpTask::kDelete:
        case KvpTask::kGetIpInfo:
        case KvpTask::kSetIpInfo:
            break;
    }
    return true;
}

bool KvpJob::refused(uint32_t status, std::optional<Error> error) {
    refuse(status, error);
    return true;
}

void KvpJob::refuse(uint32_t status, std::optional<Error> error) {
    finished_.outcome = Outcome::kRefused;
    finished_.status = status;
    finished_.error = error;
    finished_.pairs.clear();
}

}  // namespace hvis::ic
