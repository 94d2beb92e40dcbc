#include "loopback/power_line.h"

#include <array>

#include <sys/socket.h>

#include "wire/reader.h"
#include "wire/writer.h"

namespace hvis::loopback {
namespace {

/// "HVPO": tells a line from a guest that takes us for its host.
constexpr uint32_t kMagic = 0x4f50'5648;

struct [[gnu::packed]] Head {
    uint32_t magic;
    uint32_t fault;
    uint64_t seed;
};
static_assert(sizeof(Head) == 16);

}  // namespace

Bytes format_power_on(const PowerOn& wanted) {
    Bytes packet;
    wire::Writer writer(packet);
    writer.put(
        Head{.magic = kMagic, .fault = static_cast<uint32_t>(wanted.fault), .seed = wanted.seed});
    const std::string_view name = std::string_view(wanted.name).substr(0, PowerOn::kMaxName);
    writer.put_bytes(std::as_bytes(std::span(name)));
    return packet;
}

Result<PowerOn> parse_power_on(ByteView packet) {
    wire::Reader reader(packet);
    const auto head = HVIS_TRY(reader.take<Head>());
    if (head.magic != kMagic || head.fault >= kGuestFaultWords.size()) {
        return fail(Errc::kProtocol, "not an order to switch a guest on");
    }
    if (reader.remaining() > PowerOn::kMaxName) {
        return fail(Errc::kProtocol, "the name of a guest is too long");
    }
    PowerOn wanted{.name = {}, .fault = static_cast<GuestFault>(head.fault), .seed = head.seed};
    for (const std::byte byte : HVIS_TRY(reader.take_bytes(reader.remaining()))) {
        wanted.name += static_cast<char>(byte);
    }
    return wanted;
}

Result<PowerLine> PowerLine::connect(const std::string& path) {
    return PowerLine(HVIS_TRY(connect_to_host(path)));
}

Result<UniqueFd> PowerLine::power_on(const PowerOn& wanted) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return fail_errno("socketpair");
    }
    UniqueFd ours(ends[0]);
    const UniqueFd guests(ends[1]);
    const std::array fds = {guests.get()};
    HVIS_CHECK(socket_.send(format_power_on(wanted), fds));
    return ours;
}

}  // namespace hvis::loopback
