#include "loopback/guest/machine.h"

#include <array>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

#include "loopback/interrupt_line.h"

namespace hvis::loopback {

Result<std::unique_ptr<Machine>> Machine::create(UniqueFd socket, loop::Loop& loop,
                                                 MachineClient& client) {
    std::unique_ptr<Machine> machine(new Machine(std::move(socket), loop, client));
    HVIS_CHECK(loop.watch(machine->socket_.fd(), EPOLLIN,
                          [raw = machine.get()](uint32_t) { raw->on_socket(); }));
    return machine;
}

Machine::Machine(UniqueFd socket, loop::Loop& loop, MachineClient& client)
    : socket_(std::move(socket)), loop_(loop), client_(client) {}

Machine::~Machine() { hang_up(); }

void Machine::hang_up() {
    if (std::exchange(lost_, true)) {
        return;
    }
    running_ = false;
    loop_.unwatch(socket_.fd());
    if (interrupt_) {
        loop_.unwatch(interrupt_.get());
    }
    ports_.clear();
    socket_.shut_down();
}

void Machine::lose_host(std::string_view why) {
    if (!lost_) {
        hang_up();
        client_.host_gone(why);
    }
}

uint64_t Machine::reference_time() const {
    const auto now =
        loop::Loop::now().time_since_epoch() - std::chrono::nanoseconds(reference_epoch_ns_);
    return static_cast<uint64_t>(std::chrono::duration_cast<Ticks>(now).count());
}

// From the host.

void Machine::on_socket() {
    for (int count = 0; count < kMaxPacketsPerTurn && receive_one(); ++count) {
    }
}

bool Machine::receive_one() {
    if (lost_) {
        return false;
    }
    std::array<std::byte, kMaxPacket> buffer;
    std::vector<UniqueFd> fds;
    const auto size = socket_.receive(buffer, &fds);
    if (!size) {
        lose_host(size.error().what);
        return false;
    }
    if (!*size) {
        return false;
    }
    const auto packet = parse_host_packet(ByteView(buffer).first(**size));
    if (!packet) {
        lose_host(packet.error().what);
        return false;
    }
    if (const auto handled = on_packet(*packet, std::move(fds)); !handled) {
        lose_host(handled.error().what);
    }
    return true;
}

Result<void> Machine::on_packet(const HostPacket& packet, std::vector<UniqueFd> fds) {
    if (const auto* attach = std::get_if<Attach>(&packet)) {
        return attached(*attach, std::move(fds));
    }
    if (!memory_) {
        return fail(Errc::kProtocol, "host sent a packet before the attachment");
    }
    if (const auto* start = std::get_if<Start>(&packet)) {
        reference_epoch_ns_ = start->reference_epoch_ns;
        running_ = true;
        client_.started();
    } else if (std::holds_alternative<Pause>(packet)) {
        paused_ = true;
        client_.paused();
    } else if (std::holds_alternative<Resume>(packet)) {
        paused_ = false;
        client_.resumed();
        client_.interrupted();  // What came meanwhile was put off.
    } else if (const auto* reset = std::get_if<Reset>(&packet)) {
        running_ = false;
        paused_ = false;
        ports_.clear();
        early_signals_.clear();
        client_.reset();
        send(ResetDone{reset->generation});
    } else if (const auto* connect = std::get_if<ConnectPort>(&packet)) {
        if (fds.size() != 1) {
            return fail(Errc::kProtocol, "port came without its event");
        }
        ports_.insert_or_assign(connect->connection_id, std::move(fds.front()));
        if (early_signals_.erase(connect->connection_id) != 0) {
            signal_event(connect->connection_id);
        }
    } else if (const auto* disconnect = std::get_if<DisconnectPort>(&packet)) {
        ports_.erase(disconnect->connection_id);
    } else if (const auto* answer = std::get_if<PostAnswer>(&packet);
               answer != nullptr && running_) {
        client_.message_answered(answer->status);
    }
    return {};
}

Result<void> Machine::attached(const Attach& packet, std::vector<UniqueFd> fds) {
    if (memory_ || packet.protocol != kProtocol || fds.size() != 2) {
        return fail(Errc::kProtocol, "host attaches in a way that this program does not know");
    }
    memory_.emplace(HVIS_TRY(vm::GuestMemory::adopt(
        std::move(fds[0]), {{.start = {packet.ram_start}, .size = packet.ram_size}})));
    processors_ = packet.processors;
    interrupt_ = std::move(fds[1]);
    return loop_.watch(interrupt_.get(), EPOLLIN, [this](uint32_t) { on_interrupt(); });
}

void Machine::on_interrupt() {
    acknowledge_interrupt(interrupt_.get());
    if (running_ && !paused_) {
        client_.interrupted();
    }
}

// To the host.

void Machine::send(const GuestPacket& packet) { send_raw(format_packet(packet)); }

void Machine::send_raw(ByteView bytes) {
    if (lost_) {
        return;
    }
    // A host that is gone, or reads nothing, is seen at the socket's other half.
    if (const auto sent = socket_.send(bytes); !sent && sent.error().code == Errc::kLimit) {
        socket_.shut_down();
    }
}

void Machine::post_message(uint32_t connection_id, uint32_t type, ByteView payload) {
    send(PostMessage{connection_id, type, {payload.begin(), payload.end()}});
}

void Machine::signal_event(uint32_t connection_id) {
    const auto port = ports_.find(connection_id);
    if (port == ports_.end()) {
        if (early_signals_.size() < wire::kEventFlagsPerSint) {
            early_signals_.insert(connection_id);
        }
        return;
    }
    const uint64_t one = 1;
    // The only failure is a full counter, and then the host is told already.
    [[maybe_unused]] const ssize_t written = ::write(port->second.get(), &one, sizeof(one));
}

void Machine::write_register(uint32_t processor, SynicRegister index, uint64_t value) {
    send(WriteRegister{processor, index, value});
}

void Machine::end_of_message(uint32_t processor) { send(EndOfMessage{processor}); }

void Machine::crash(const Crash& report) { send(report); }

void Machine::stop(StopKind kind) {
    send(Stop{kind});
    running_ = false;
}

}  // namespace hvis::loopback
