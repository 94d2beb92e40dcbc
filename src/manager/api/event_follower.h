#pragma once

#include <memory>
#include <string>

#include "manager/api/api_context.h"
#include "manager/api/streams.h"

namespace hvis::manager {

/// One client that follows the event log. While it is behind, pages of events are read from the
/// store whenever its socket has taken the last one, one page in each turn of the loop; when it has
/// caught up, events come as they are
/// committed. One that falls behind reads from the store again, so it loses nothing and the memory
/// that it takes has an end. Manager thread.
class EventFollower final : public Stream {
public:
    static constexpr uint32_t kPage = 200;

    /// Where to begin: after the Last-Event-ID of a client that comes back, else at filter.since
    /// where that was given (and filter.newest: with the last filter.limit events among the last
    /// EventFilter::kMaxExamined), else with what happens from now on.
    static void begin(ApiContext& context, EventFilter filter, bool has_since,
                      const ApiRequest& request, const Responder& responder);
    EventFollower(ApiContext& context, EventFilter filter, std::shared_ptr<StreamSink> sink);
    ~EventFollower() override;
    void drained() override { pump(); }

private:
    void pump();
    bool send(const StoredEvent& event);
    void committed(const StoredEvent& event);

    ApiContext& context_;
    EventFilter filter_;
    std::shared_ptr<StreamSink> sink_;
    EventLog::SubscriptionId subscription_ = 0;
    bool behind_ = true;
    loop::Loop::TimerId timer_ = 0;  ///< the next page, though nothing was written
};

}  // namespace hvis::manager
