// Channels and GPADLs of the guest half.

#include <algorithm>
#include <limits>

#include "vmbus/channel_client.h"

namespace hvis::vmbus {

Result<ChannelClient::Channel*> ChannelClient::usable_channel(uint32_t relid) {
    HVIS_CHECK(check_ready());
    const auto found = channels_.find(relid);
    if (found == channels_.end() || found->second.rescinded) {
        return fail(Errc::kNotFound, "channel is not offered");
    }
    return &found->second;
}

Result<uint32_t> ChannelClient::create_gpadl(uint32_t relid, const wire::GpaRanges& memory) {
    (void)HVIS_TRY(usable_channel(relid));
    const auto words = wire::format_gpa_ranges(memory);
    const size_t size = words.size() * sizeof(uint64_t);
    if (memory.ranges.empty() || size > std::numeric_limits<uint16_t>::max()) {
        return fail(Errc::kLimit, "no pages or too many for one GPADL");
    }
    const uint32_t handle = next_gpadl_++;
    const auto part = [&](size_t from, size_t count) {
        const auto begin = words.begin() + static_cast<ptrdiff_t>(from);
        return std::vector<uint64_t>(begin, begin + static_cast<ptrdiff_t>(count));
    };
    size_t sent = std::min(words.size(), wire::kMaxGpadlHeaderWords);
    post(wire::GpadlHeader{
        .relid = relid,
        .gpadl = handle,
        .range_buffer_size = static_cast<uint16_t>(size),
        .range_count = static_cast<uint16_t>(memory.ranges.size()),
        .words = part(0, sent),
    });
    uint32_t number = 0;
    while (sent < words.size()) {
        const size_t count = std::min(words.size() - sent, wire::kMaxGpadlBodyWords);
        post(wire::GpadlBody{
            .message_number = number++, .gpadl = handle, .words = part(sent, count)});
        sent += count;
    }
    gpadls_[handle] = {.relid = relid};
    return handle;
}

Result<void> ChannelClient::on(const wire::GpadlCreated& message) {
    const auto found = gpadls_.find(message.gpadl);
    if (found == gpadls_.end() || found->second.use != GpadlUse::kCreating ||
        found->second.relid != message.relid) {
        return fail(Errc::kNotFound, "GPADL was not being created");
    }
    if (message.status == wire::kNtSuccess) {
        found->second.use = GpadlUse::kCreated;
    } else {
        gpadls_.erase(found);
    }
    effects_.emplace_back(
        GpadlCreated{.relid = message.relid, .gpadl = message.gpadl, .status = message.status});
    return {};
}

Result<void> ChannelClient::teardown_gpadl(uint32_t gpadl) {
    HVIS_CHECK(check_ready());
    const auto found = gpadls_.find(gpadl);
    if (found == gpadls_.end()) {
        return fail(Errc::kNotFound, "no such GPADL");
    }
    if (found->second.use != GpadlUse::kCreated) {
        return fail(Errc::kState, "GPADL is being created or torn down");
    }
    found->second.use = GpadlUse::kTearingDown;
    post(wire::GpadlTeardown{.relid = found->second.relid, .gpadl = gpadl});
    return {};
}

Result<void> ChannelClient::on(const wire::GpadlTorndown& message) {
    const auto found = gpadls_.find(message.gpadl);
    if (found == gpadls_.end() || found->second.use != GpadlUse::kTearingDown) {
        return fail(Errc::kNotFound, "GPADL was not being torn down");
    }
    gpadls_.erase(found);
    effects_.emplace_back(GpadlTorndown{message.gpadl});
    return {};
}

Result<void> ChannelClient::open(uint32_t relid, const OpenParams& params) {
    auto* channel = HVIS_TRY(usable_channel(relid));
    if (channel->use != ChannelUse::kClosed) {
        return fail(Errc::kState, "channel is open");
    }
    channel->use = ChannelUse::kOpening;
    post(wire::OpenChannel{
        .relid = relid,
        .open_id = relid,  // As Linux: one request at a time per channel.
        .ring_gpadl = params.ring_gpadl,
        .target_vp = params.target_vp,
        .downstream_page_offset = params.downstream_page_offset,
        .user_data = params.user_data,
    });
    return {};
}

Result<void> ChannelClient::on(const wire::OpenChannelResult& message) {
    const auto found = channels_.find(message.relid);
    if (found == channels_.end() || found->second.use != ChannelUse::kOpening) {
        return fail(Errc::kNotFound, "channel was not being opened");
    }
    const bool opened = message.status == wire::kNtSuccess;
    found->second.use = opened ? ChannelUse::kOpen : ChannelUse::kClosed;
    effects_.emplace_back(Opened{.relid = message.relid, .status = message.status});
    return {};
}

Result<void> ChannelClient::close(uint32_t relid) {
    HVIS_CHECK(check_ready());
    const auto found = channels_.find(relid);
    if (found == channels_.end() || found->second.use == ChannelUse::kClosed) {
        return fail(Errc::kState, "channel is not open");
    }
    found->second.use = ChannelUse::kClosed;
    post(wire::CloseChannel{relid});
    return {};
}

Result<void> ChannelClient::retarget(uint32_t relid, uint32_t target_vp) {
    const auto* channel = HVIS_TRY(usable_channel(relid));
    if (version_ < wire::VmbusVersion::kWin10_4_1) {
        return fail(Errc::kUnsupported, "the agreed version cannot move interrupts");
    }
    if (channel->use != ChannelUse::kOpen) {
        return fail(Errc::kState, "channel is not open");
    }
    post(wire::ModifyChannel{.relid = relid, .target_vp = target_vp});
    return {};
}

Result<void> ChannelClient::on(const wire::ModifyChannelResponse& message) {
    if (!channels_.contains(message.relid)) {
        return fail(Errc::kNotFound, "answer for a channel that is not offered");
    }
    effects_.emplace_back(Retargeted{.relid = message.relid, .status = message.status});
    return {};
}

}  // namespace hvis::vmbus
