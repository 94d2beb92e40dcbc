#include "manager/api/streams.h"

namespace hvis::manager {

void Streams::add(const std::shared_ptr<StreamSink>& sink, std::shared_ptr<Stream> stream) {
    const uint64_t id = next_++;
    const std::weak_ptr<Stream> weak = stream;
    const std::weak_ptr<Kept> kept = streams_;
    streams_->emplace(id, std::move(stream));
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
