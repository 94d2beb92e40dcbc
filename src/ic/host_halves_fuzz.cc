#include <array>
#include <chrono>
#include <cstring>

#include "ic/heartbeat_host.h"
#include "ic/kvp_host.h"
#include "ic/shutdown_host.h"
#include "ic/time_sync_host.h"

/// A hostile guest against one host half. The first byte chooses the half; after that each step is
/// a byte that says what happens and, for a packet, a length and that many bytes. A step may also
/// answer the last packet of the host with the fuzzer's body and the right headers, so that the
/// services themselves are reached.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size);

namespace {

using namespace hvis;
using namespace hvis::ic;

constexpr size_t kMaxSteps = 200;

class Script {
public:
    explicit Script(ByteView bytes) : bytes_(bytes) {}
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    uint8_t byte() {
        if (bytes_.empty()) {
            return 0;
        }
        const auto value = std::to_integer<uint8_t>(bytes_.front());
        bytes_ = bytes_.subspan(1);
        return value;
    }
    Bytes block() {
        const size_t wanted = size_t{byte()} * 32 + byte() % 32;
        const auto head = bytes_.first(std::min(wanted, bytes_.size()));
        bytes_ = bytes_.subspan(head.size());
        return {head.begin(), head.end()};
    }

private:
    ByteView bytes_;
};

/// The four halves with their requests; ids of what was asked must each end at most once.
struct Halves {
    HeartbeatHost heartbeat{HeartbeatPolicy{}};
    ShutdownHost shutdown;
    TimeSyncHost time_sync;
    KvpHost kvp;
    uint64_t asked = 0;
    uint64_t ended = 0;

    HostService& choose(uint8_t which) {
        const std::array<HostService*, 4> all = {&heartbeat, &shutdown, &time_sync, &kvp};
        return *all.at(which % all.size());
    }
    void ask(uint8_t what, const Clocks& clocks) {
        const std::array<KvpPool, 4> pools = {KvpPool::kExternal, KvpPool::kGuest, KvpPool::kAuto,
                                              KvpPool::kAutoExternal};
        const auto pool = pools.at(what % 4);
        const std::array<bool, 8> taken = {
            shutdown.request({}, clocks).has_value(),
            time_sync.sync_now(std::chrono::seconds(5), clocks).has_value(),
            kvp.list(pool, clocks).has_value(),
            kvp.get(pool, "k", clocks).has_value(),
            kvp.add(pool, {"k", "v"}, clocks).has_value(),
            kvp.set(pool, {"k", "v"}, clocks).has_value(),
            kvp.remove(pool, "k", clocks).has_value(),
            kvp.get_ip_info("00:15:5d:00:00:01", clocks).has_value()};
        asked += static_cast<uint64_t>(std::ranges::count(taken, true));
        (void)kvp.set_parameters({{"HostName", std::to_string(what)}});
    }
    void collect() {
        (void)heartbeat.take_effects();
        ended += shutdown.take_effects().size() + time_sync.take_effects().size() +
                 kvp.take_effects().size();
        if (ended > asked) {
            __builtin_trap();
        }
    }
};

/// `last` answered as a guest does, with the fuzzer's bytes in it.
Bytes answer_to(const Bytes& last, const Bytes& body, uint8_t status) {
    const std::array<uint32_t, 4> codes = {wire::kIcOk, wire::kIcFail, wire::kIcNoMoreItems,
                                           wire::kIcGuidNotFound};
    return wire::format_ic_reply(last, codes.at(status % codes.size()), body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, size_t size) {
    Script script(std::as_bytes(std::span(data, size)));
    Halves halves;
    HostService& host = halves.choose(script.byte());
    Clocks clocks{.now = TimePoint(std::chrono::hours(1)), .wall = {1}, .reference = 1};
    Bytes last;
    for (size_t step = 0; step < kMaxSteps && !script.empty(); ++step) {
        const uint8_t what = script.byte();
        switch (what % 10) {
            case 0:
                host.channel_opened(clocks);
                break;
            case 1:
                if (what / 10 % 4 != 0) {
                    host.channel_closed(clocks);
                } else {
                    host.channel_broken(clocks);
                }
                break;
            case 2:
                (void)host.packet_received(script.block(), clocks);
                break;
            case 3:
            case 4:
                (void)host.packet_received(answer_to(last, script.block(), what / 10), clocks);
                break;
            case 5:
                clocks.now += std::chrono::milliseconds(script.byte() * 300);
                host.timer_fired(clocks);
                break;
            case 6:
                host.paused(clocks);
                break;
            case 7:
                host.resumed(clocks);
                break;
            case 8:
                host.set_enabled(what / 10 % 4 != 0, clocks);
                break;
            default:
                halves.ask(what / 10, clocks);
                break;
        }
        for (int packets = 0; packets < 8; ++packets) {
            if (auto packet = host.next_packet(clocks)) {
                last = std::move(*packet);
            }
        }
        (void)host.next_deadline();
        (void)host.report(clocks);
        halves.collect();
    }
    host.channel_closed(clocks);
    halves.collect();
    if (halves.ended != halves.asked) {
        __builtin_trap();
    }
    return 0;
}
