#include "worker/machine_maker.h"

#include <memory>
#include <utility>

#include "loopback/power_line.h"
#include "worker/guest_process.h"
#include "worker/kvm_machine.h"
#include "worker/loopback_machine.h"

namespace hvis::worker {
namespace {

Result<loopback::PowerLine> open_power_line(const LoopbackConfig& config) {
    if (!config.socket.empty()) {
        return loopback::PowerLine::connect(config.socket);
    }
    return start_guest_program(HVIS_TRY(find_guest_program()));
}

}  // namespace

Result<Machine::Maker> machine_maker(const Config& config, loop::Loop& loop) {
    if (config.partition == PartitionKind::kKvm) {
        return [&](Machine::Events events) {
            return KvmMachine::create(config, loop, std::move(events));
        };
    }
    auto line = std::make_shared<loopback::PowerLine>(HVIS_TRY(open_power_line(config.loopback)));
    return [&, line = std::move(line)](Machine::Events events) {
        return LoopbackMachine::create(config, loop, *line, std::move(events));
    };
}

}  // namespace hvis::worker
