#include "manager/api/streams.h"

namespace hvis::manager {
namespace {

/// A comment: it is for whoever looks at the bytes, and no client takes it for news.
void end_for_want_of_a_role(StreamSink& sink) {
    sink.write(": the token is gone, or its role or the user's is not enough any more\n\n");
    sink.finish();
}

}  // namespace

void Streams::access_changed() {
    std::erase_if(*streams_, [&](const auto& each) {
        const bool over = !access_.holds(each.second.claim);
        if (over) {
            end_for_want_of_a_role(*each.second.sink);
        }
        return over;
    });
}

void Streams::add(const std::shared_ptr<StreamSink>& sink, std::shared_ptr<Stream> stream,
                  Claim claim) {
    if (!access_.holds(claim)) {
        end_for_want_of_a_role(*sink);  // It changed while the request was on its way here.
        return;
    }
    const uint64_t id = next_++;
    const std::weak_ptr<Stream> weak = stream;
    const std::weak_ptr<Kept> kept = streams_;
    streams_->emplace(id,
                      Entry{.sink = sink, .stream = std::move(stream), .claim = std::move(claim)});
    sink->notify(
        [loop = &loop_, server = server_, weak] {
            server->retry([loop, weak] {
                return loop->post([weak] {
                    if (const auto held = weak.lock()) {
                        held->drained();
                    }
                });
            });
        },
        [loop = &loop_, server = server_, kept, id] {
            server->retry([loop, kept, id] {
                return loop->post([kept, id] {
                    if (const auto streams = kept.lock()) {
                        streams->erase(id);
                    }
                });
            });
        });
}

}  // namespace hvis::manager
