#include "worker/event_limit.h"

#include <algorithm>

namespace hvis::worker {

bool EventLimit::allow(control::EventId id, const std::string& service, TimePoint now) {
    const auto [entry, fresh] = buckets_.try_emplace({id, service});
    Bucket& bucket = entry->second;
    if (fresh) {
        bucket.filled_at = now;
    }
    const auto refills = std::max<Duration::rep>(0, (now - bucket.filled_at) / kRefill);
    bucket.filled_at += refills * kRefill;
    bucket.tokens = static_cast<uint32_t>(
        std::min<uint64_t>(kBurst, bucket.tokens + static_cast<uint64_t>(refills)));
    if (bucket.tokens > 0) {
        --bucket.tokens;
        return true;
    }
    ++bucket.suppressed;
    if (!report_due_) {
        report_due_ = now + kReportInterval;
    }
    return false;
}

std::vector<EventLimit::Suppressed> EventLimit::take_report() {
    report_due_.reset();
    std::vector<Suppressed> report;
    for (auto& [key, bucket] : buckets_) {
        if (const uint64_t count = std::exchange(bucket.suppressed, 0); count != 0) {
            report.push_back({.id = key.first, .service = key.second, .count = count});
        }
    }
    return report;
}

}  // namespace hvis::worker
