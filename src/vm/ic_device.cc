#include "vm/ic_device.h"

#include <string>
#include <utility>

#include "vm/trace.h"

namespace hvis::vm {

IcDevice::IcDevice(std::string_view name, ic::HostService& service, const Guid& interface_type,
                   const Guid& instance, loop::Loop& loop, ClockSource clocks, Changed changed)
    : name_(name),
      service_(service),
      interface_(interface_type),
      instance_(instance),
      loop_(loop),
      clocks_(std::move(clocks)),
      changed_(std::move(changed)) {}

IcDevice::~IcDevice() {
    loop_.cancel_timer(timer_);
    loop_.cancel_timer(turn_);
}

vmbus::OfferParams IcDevice::offer() const {
    return vmbus::OfferParams::message_pipe(interface_, instance_);
}

void IcDevice::opened(ChannelEndpoint& endpoint) {
    endpoint_ = &endpoint;
    broken_ = false;
    waiting_.reset();
    service_.channel_opened(clocks_());
    pump();
}

void IcDevice::closed() {
    endpoint_ = nullptr;
    waiting_.reset();
    loop_.cancel_timer(std::exchange(turn_, 0));
    service_.channel_closed(clocks_());
    pump();
}

void IcDevice::kicked() {
    if (endpoint_ != nullptr && !found_broken()) {
        receive(clocks_());
    }
    pump();
}

void IcDevice::pump() {
    if (endpoint_ != nullptr && !found_broken()) {
        send(clocks_());
        (void)found_broken();
    }
    arm_timer();
    changed_();
}

/// Tells the service, once for each opening, that the guest has broken a ring.
bool IcDevice::found_broken() {
    if (!broken_ && (endpoint_->reader().is_broken() || endpoint_->writer().is_broken())) {
        broken_ = true;
        waiting_.reset();
        service_.channel_broken(clocks_());
    }
    return broken_;
}

void IcDevice::receive(const Clocks& clocks) {
    auto& reader = endpoint_->reader();
    for (uint32_t count = 0; count < kMaxPacketsPerTurn; ++count) {
        const auto packet = reader.read(buffer_);
        if (!packet) {
            note_rejected(packet.error());
            return;
        }
        if (!*packet) {
            if (reader.commit()) {
                endpoint_->signal();
            }
            // A packet written between the last read and the commit found the ring not empty, and
            // the guest did not ring for it.
            if (!reader.unmask_signals()) {
                return;
            }
            continue;
        }
        ++received_;
        bytes_received_ += (*packet)->payload.size();
        if ((*packet)->type != wire::kPacketInBand) {
            note_rejected({Errc::kProtocol, "packet is not in-band"});
            continue;
        }
        trace_bytes(name_, "guest sends", "packet", (*packet)->payload);
        if (const auto handled = service_.packet_received((*packet)->payload, clocks); !handled) {
            note_rejected(handled.error());
        }
    }
    if (reader.commit()) {
        endpoint_->signal();
    }
    // More may be waiting, and the guest rings only once: come back after the others.
    if (turn_ == 0) {
        turn_ = loop_.add_timer(loop::Loop::now(), [this] {
            turn_ = 0;
            kicked();
        });
    }
}

void IcDevice::send(const Clocks& clocks) {
    auto& writer = endpoint_->writer();
    bool wrote = false;
    for (;;) {
        if (!waiting_) {
            const auto room = writer.has_room(kMinRoom);
            if (!room) {
                note_rejected(room.error());
                break;
            }
            if (!*room) {
                break;
            }
            waiting_ = service_.next_packet(clocks);
            if (!waiting_) {
                break;
            }
        }
        const auto result = writer.write(
            {.transaction_id = next_transaction_, .extended_header = {}, .payload = *waiting_});
        if (result && *result == vmbus::WriteResult::kFull) {
            break;  // The guest rings when it has made room.
        }
        if (!result) {
            note_rejected(result.error());
        } else {
            trace_bytes(name_, "host sends", "packet", *waiting_);
            ++next_transaction_;
            ++sent_;
            bytes_sent_ += waiting_->size();
            wrote = true;
        }
        waiting_.reset();
    }
    const bool due = wrote && writer.commit();
    if (service_.take_signal_again()) {
        endpoint_->signal_again();
    } else if (due) {
        endpoint_->signal();
    }
}

void IcDevice::arm_timer() {
    const auto deadline = service_.next_deadline();
    if (deadline == armed_for_) {
        return;
    }
    loop_.cancel_timer(std::exchange(timer_, 0));
    armed_for_ = deadline;
    if (deadline) {
        timer_ = loop_.add_timer(*deadline, [this] { timer_fired(); });
    }
}

void IcDevice::timer_fired() {
    timer_ = 0;
    armed_for_.reset();
    service_.timer_fired(clocks_());
    pump();
}

void IcDevice::note_rejected(const Error& error) {
    ++rejected_;
    if (log_limit_.allow(loop::Loop::now())) {
        log(LogLevel::kWarning, name_, std::string("guest: ").append(error.what));
    }
}

}  // namespace hvis::vm
