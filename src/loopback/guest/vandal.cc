#include "loopback/guest/vandal.h"

#include <string>
#include <utility>

#include "wire/ring_layout.h"
#include "wire/vmbus_messages_guest.h"

namespace hvis::loopback {

Vandal::Vandal(loop::Loop& loop, Machine& machine, uint64_t seed)
    : loop_(loop), machine_(machine), random_(seed) {
    work();
}

void Vandal::work() {
    if (timer_ == 0) {
        timer_ = loop_.add_timer(loop::Loop::now() + kPeriod, [this] {
            timer_ = 0;
            for (int count = 0; count < kActsPerPeriod; ++count) {
                act();
            }
            work();
        });
    }
}

void Vandal::rest() { loop_.cancel_timer(std::exchange(timer_, 0)); }

void Vandal::act() {
    switch (below(8)) {
        case 0:
            write_register();
            break;
        case 1:
            send_packet();
            break;
        case 2:
        case 3:
            post_message();
            break;
        case 4:
            scribble();
            break;
        case 5:
            break_ring_indices();
            break;
        case 6:
            machine_.end_of_message(static_cast<uint32_t>(below(4)));
            break;
        default:
            ring();
            break;
    }
}

Bytes Vandal::random_bytes(uint64_t at_most) {
    Bytes bytes(below(at_most + 1));
    for (auto& byte : bytes) {
        byte = static_cast<std::byte>(random_());
    }
    return bytes;
}

/// Relids and GPADL handles are kept small, so that many hit something.
void Vandal::post_message() {
    const auto number = [this] { return static_cast<uint32_t>(below(6)); };
    const std::vector<uint64_t> words(below(wire::kMaxGpadlHeaderWords), random_());
    const auto pages = static_cast<uint16_t>(below(64) * 8);
    wire::GuestMessage message;
    switch (below(9)) {
        case 0:
            message = wire::InitiateContact{.version = 0x0005'0000 + number(),
                                            .target_vp = number(),
                                            .target_sint = static_cast<uint8_t>(number())};
            break;
        case 1:
            message = wire::RequestOffers{};
            break;
        case 2:
            message = wire::OpenChannel{.relid = number(),
                                        .ring_gpadl = number(),
                                        .target_vp = number(),
                                        .downstream_page_offset = number()};
            break;
        case 3:
            message = wire::CloseChannel{number()};
            break;
        case 4:
            message = wire::GpadlHeader{number(), number(), pages, static_cast<uint16_t>(number()),
                                        words};
            break;
        case 5:
            message = wire::GpadlBody{number(), number(), words};
            break;
        case 6:
            message = wire::GpadlTeardown{number(), number()};
            break;
        case 7:
            message = wire::RelidReleased{number()};
            break;
        default:
            message = wire::ModifyChannel{number(), number()};
            break;
    }
    Bytes payload = wire::format_message(message);
    if (below(4) == 0 && !payload.empty()) {
        payload[below(payload.size())] = static_cast<std::byte>(random_());
        payload.resize(below(payload.size()) + 1);
    }
    machine_.post_message(below(16) == 0 ? number() : wire::kMessageConnectionIdV5,
                          below(16) == 0 ? number() : wire::kVmbusMessageType, payload);
}

void Vandal::send_packet() {
    Bytes packet = random_bytes(300);
    if (packet.size() >= sizeof(uint32_t) && below(2) == 0) {
        packet[0] = static_cast<std::byte>(32 + below(3));  // a kind that guests do send
        packet[1] = packet[2] = packet[3] = std::byte{0};
    }
    if (!packet.empty()) {
        machine_.send_raw(packet);
    }
}

void Vandal::scribble() {
    auto& memory = machine_.memory();
    const auto& region = memory.regions().front();
    const Bytes bytes = random_bytes(256);
    // Within the region by the choice of its place.
    (void)memory.copy_in({region.start.value + below(region.size - bytes.size())}, bytes);
}

/// Any page may be the control page of a ring: the host must not care what its words say.
void Vandal::break_ring_indices() {
    auto& memory = machine_.memory();
    const auto& region = memory.regions().front();
    const uint64_t page = region.start.value + (below(region.size / vm::kPageSize) * vm::kPageSize);
    const auto index = static_cast<uint32_t>(below(2) == 0 ? below(4096) * 8 : random_());
    (void)memory.write({page + (below(4) * sizeof(uint32_t))}, index);
}

void Vandal::write_register() {
    constexpr SynicRegister kRegisters[] = {SynicRegister::kControl, SynicRegister::kEventPage,
                                            SynicRegister::kMessagePage};
    const uint64_t start = machine_.memory().regions().front().start.value;
    const uint64_t value =
        below(8) == 0 ? random_() : start + (below(64) * vm::kPageSize) + below(2);
    machine_.write_register(static_cast<uint32_t>(below(3)), kRegisters[below(3)], value);
}

void Vandal::ring() {
    for (uint32_t channel = 1; channel < 6; ++channel) {
        // Connection ids as the host makes them: relid and source.
        machine_.signal_event(channel | uint32_t{wire::kVmbusSint} << 12U);
    }
}

}  // namespace hvis::loopback
