#include <algorithm>

#include <nlohmann/json.hpp>

#include "manager/api/event_text.h"
#include "manager/api/handlers.h"
#include "manager/api/query_reader.h"
#include "manager/supervisor/pool_watch.h"

namespace hvis::manager {
namespace {

using control::Json;

/// Watches of one VM at once: each is a request that stays outstanding on its worker's link, which
/// has room for control::Link::kMaxOutstanding.
constexpr size_t kMaxWatches = 16;

/// Tells a client what changes in one pool: "set" and "delete", first a "set" for each pair that is
/// there, then "ready". "unavailable" comes once when the guest cannot be asked, "ready" again when
/// it can. The stream ends with the VM.
class KvpWatch final : public Stream {
public:
    KvpWatch(ApiContext& context, const Guid& vm, control::Pool pool,
             std::shared_ptr<StreamSink> sink)
        : context_(context),
          vm_(vm),
          sink_(std::move(sink)),
          watch_(context.loop, context.supervisor, vm, pool,
                 {.set =
                      [this](const std::string& key, const std::string& value) {
                          tell("set", {{"key", key}, {"value", value}});
                      },
                  .removed = [this](const std::string& key) { tell("delete", {{"key", key}}); },
                  .ready = [this, pool] { tell("ready", {{"pool", control::to_string(pool)}}); },
                  .unavailable =
                      [this](const Failure& failure) { tell("unavailable", to_json(failure)); },
                  .deleted =
                      [this](const Failure& failure) {
                          tell("unavailable", to_json(failure));
                          end();
                      }}) {
        ++context_.pool_watches[vm_];
    }
    ~KvpWatch() override {
        if (--context_.pool_watches[vm_] == 0) {
            context_.pool_watches.erase(vm_);
        }
    }

    void begin() { watch_.begin(); }
    void drained() override {}

private:
    /// A client that lets a megabyte of changes wait has to begin anew: what comes after the one
    /// that it missed must not reach it.
    void tell(std::string_view type, const Json& data) {
        if (!done_ && !sink_->write(server_event(type, std::nullopt, data))) {
            end();
        }
    }
    void end() {
        done_ = true;
        sink_->finish();
    }

    ApiContext& context_;
    Guid vm_;
    std::shared_ptr<StreamSink> sink_;
    bool done_ = false;
    PoolWatch watch_;
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
    if (const auto finished = QueryReader(request.query).finish(); !finished) {
        responder.fail(finished.error());
        return;
    }
    if (const auto watches = context.pool_watches.find(*vm);
        watches != context.pool_watches.end() && watches->second >= kMaxWatches) {
        responder.fail(503, control::make_failure(control::ErrorCode::kUnavailable,
                                                  "too many pools of this VM are watched",
                                                  "end some of the watches first"));
        return;
    }
    const auto sink = responder.event_stream();
    const auto watch = std::make_shared<KvpWatch>(
        context, *vm, static_cast<control::Pool>(pool - control::kPoolWords.begin()), sink);
    context.streams.add(sink, watch, request.claim);
    watch->begin();
}

}  // namespace hvis::manager
