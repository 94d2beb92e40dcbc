#include "vm/channel_endpoint.h"

#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

namespace hvis::vm {
namespace {

/// First page is the control page, the others are data.
Result<vmbus::RingMemory> map_ring(const GuestMemory& memory, const std::vector<uint64_t>& pages) {
    if (pages.size() < 2) {
        return fail(Errc::kInvalid, "ring has no data page");
    }
    std::byte* control = HVIS_TRY(memory.page(pages.front()));
    std::vector<std::byte*> data;
    data.reserve(pages.size() - 1);
    for (size_t index = 1; index < pages.size(); ++index) {
        data.push_back(HVIS_TRY(memory.page(pages[index])));
    }
    return vmbus::RingMemory::create(control, std::move(data));
}

}  // namespace

Result<std::unique_ptr<ChannelEndpoint>> ChannelEndpoint::open(const vmbus::OpenChannel& channel,
                                                               Partition& partition,
                                                               loop::Loop& loop,
                                                               std::function<void()> on_kick) {
    if (channel.target_vp >= partition.processor_count()) {
        return fail(Errc::kInvalid, "channel targets a processor that does not exist");
    }
    auto incoming = HVIS_TRY(map_ring(partition.memory(), channel.incoming_pages));
    auto outgoing = HVIS_TRY(map_ring(partition.memory(), channel.outgoing_pages));
    auto reader = HVIS_TRY(vmbus::RingReader::attach(std::move(incoming)));
    auto writer = HVIS_TRY(vmbus::RingWriter::attach(std::move(outgoing)));
    UniqueFd kick(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!kick) {
        return fail_errno("eventfd");
    }
    HVIS_CHECK(partition.connect_port(channel.connection_id, kick.get()));
    std::unique_ptr<ChannelEndpoint> endpoint(new ChannelEndpoint(
        channel, partition, loop, std::move(kick), std::move(reader), std::move(writer)));
    HVIS_CHECK(loop.watch(endpoint->kick_.get(), EPOLLIN,
                          [raw = endpoint.get(), on_kick = std::move(on_kick)](uint32_t) {
                              raw->drain_kick();
                              on_kick();
                          }));
    return endpoint;
}

ChannelEndpoint::ChannelEndpoint(const vmbus::OpenChannel& channel, Partition& partition,
                                 loop::Loop& loop, UniqueFd kick, vmbus::RingReader reader,
                                 vmbus::RingWriter writer)
    : partition_(partition),
      loop_(loop),
      kick_(std::move(kick)),
      reader_(std::move(reader)),
      writer_(std::move(writer)),
      target_{.vp = channel.target_vp, .sint = channel.sint},
      event_flag_(channel.event_flag),
      connection_id_(channel.connection_id) {}

ChannelEndpoint::~ChannelEndpoint() {
    loop_.unwatch(kick_.get());
    partition_.disconnect_port(connection_id_);
}

void ChannelEndpoint::drain_kick() {
    // A guest process on shared memory holds the same open file: it may have made it blocking, and
    // have emptied it meanwhile. This read does not wait either way.
    uint64_t count = 0;
    iovec place{.iov_base = &count, .iov_len = sizeof(count)};
    if (::preadv2(kick_.get(), &place, 1, -1, RWF_NOWAIT) == sizeof(count)) {
        kicks_ += count;
    }
}

}  // namespace hvis::vm
