#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "manager/api/event_text.h"
#include "manager/api/handlers.h"
#include "manager/api/query_reader.h"

namespace hvis::manager {
namespace {

using control::Json;

/// Pools that are watched at once: each costs a request to a guest per interval.
constexpr size_t kMaxWatches = 64;
constexpr control::Bounds kInterval{.lowest = 500, .highest = 3'600'000};
constexpr int64_t kUsualInterval = 5000;

/// Tells a client what changes in one pool: "set" and "delete", first a "set" for each pair that is
/// there, then "ready". What the worker notices by itself (the event kvp_changed, a push of the
/// host) is asked about at once; the rest shows at the next interval. "unavailable" comes once when
/// the guest cannot be asked, "ready" again when it can.
class KvpWatch final : public Stream, public std::enable_shared_from_this<KvpWatch> {
public:
    KvpWatch(ApiContext& context, const Guid& vm, control::Pool pool,
             std::chrono::milliseconds interval, std::shared_ptr<StreamSink> sink)
        : context_(context), vm_(vm), pool_(pool), interval_(interval), sink_(std::move(sink)) {
        ++context_.kvp_watches;
        subscription_ = context_.events.subscribe([this](const StoredEvent& event) {
            if (event.vm == vm_ && event.service == "kvp") {
                ask();
            }
        });
    }
    ~KvpWatch() override {
        --context_.kvp_watches;
        context_.events.unsubscribe(subscription_);
        context_.loop.cancel_timer(timer_);
    }

    void drained() override {}

    void ask() {
        context_.loop.cancel_timer(timer_);
        timer_ = 0;
        if (asking_) {
            return;
        }
        asking_ = true;
        context_.supervisor.request(
            vm_, control::encode_command(control::KvpListCommand{.pool = pool_}),
            [weak = weak_from_this()](Result<std::shared_ptr<const Json>, Failure> answer) {
                if (const auto self = weak.lock()) {
                    self->answered(answer);
                }
            });
    }

private:
    void answered(const Result<std::shared_ptr<const Json>, Failure>& answer) {
        asking_ = false;
        timer_ = context_.loop.add_timer(loop::Loop::now() + interval_, [this] {
            timer_ = 0;
            ask();
        });
        if (!answer) {
            if (std::exchange(available_, false) || !told_) {
                tell("unavailable", to_json(answer.error()));
            }
            told_ = true;
            return;
        }
        compare(pairs_of(**answer));
        if (!std::exchange(available_, true)) {
            tell("ready", {{"pool", control::to_string(pool_)}});
        }
        told_ = true;
    }

    static std::map<std::string, std::string> pairs_of(const Json& result) {
        std::map<std::string, std::string> pairs;
        if (const auto found = result.find("pairs"); found != result.end()) {
            for (const Json& pair : *found) {
                pairs[pair.value("key", "")] = pair.value("value", "");
            }
        }
        return pairs;
    }

    void compare(std::map<std::string, std::string> now) {
        for (const auto& [key, value] : now) {
            const auto before = pairs_.find(key);
            if (before == pairs_.end() || before->second != value) {
                tell("set", {{"key", key}, {"value", value}});
            }
        }
        for (const auto& [key, value] : pairs_) {
            if (!now.contains(key)) {
                tell("delete", {{"key", key}});
            }
        }
        pairs_ = std::move(now);
    }

    /// A client that lets a megabyte of changes wait has to begin anew.
    void tell(std::string_view type, const Json& data) {
        if (!sink_->write(server_event(type, std::nullopt, data))) {
            sink_->finish();
        }
    }

    ApiContext& context_;
    Guid vm_;
    control::Pool pool_;
    std::chrono::milliseconds interval_;
    std::shared_ptr<StreamSink> sink_;
    EventLog::SubscriptionId subscription_ = 0;
    loop::Loop::TimerId timer_ = 0;
    std::map<std::string, std::string> pairs_;
    bool asking_ = false;
    bool available_ = false;
    bool told_ = false;
};

}  // namespace

void watch_pairs(ApiContext& context, const ApiRequest& request, Responder responder) {
    if (!request.wants_events) {
        // A pair may be called "watch" too.
        ApiRequest pair = request;
        pair.names.emplace("key", "watch");
        show_pair(context, pair, std::move(responder));
        return;
    }
    const auto vm = vm_of(context, request, responder);
    if (!vm) {
        return;
    }
    const auto pool =
        std::ranges::find(control::kPoolWords, std::string_view(request.name("pool")));
    if (pool == control::kPoolWords.end()) {
        responder.fail(control::make_failure(control::ErrorCode::kNotFound, "there is no such pool",
                                             "external, guest, auto and parameters"));
        return;
    }
    QueryReader query(request.query);
    const auto interval = query.integer("interval_ms", kInterval);
    if (const auto finished = query.finish(); !finished) {
        responder.fail(finished.error());
        return;
    }
    if (context.kvp_watches >= kMaxWatches) {
        responder.fail(503, control::make_failure(control::ErrorCode::kUnavailable,
                                                  "too many pools are watched",
                                                  "end some of the watches first"));
        return;
    }
    const auto sink = responder.event_stream();
    const auto watch = std::make_shared<KvpWatch>(
        context, *vm, static_cast<control::Pool>(pool - control::kPoolWords.begin()),
        std::chrono::milliseconds(interval.value_or(kUsualInterval)), sink);
    context.streams.add(sink, watch);
    watch->ask();
}

}  // namespace hvis::manager
