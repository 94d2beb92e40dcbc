#include "kvm/crash_registers.h"

#include <algorithm>

#include "kvm/hyperv_bits.h"

namespace hvis::kvm {
namespace {

constexpr uint64_t kNotify = uint64_t{1} << 63;
/// P3 is the address of a text and P4 its length.
constexpr uint64_t kNotifyWithText = uint64_t{1} << 62;

std::string read_text(const vm::GuestMemory& memory, uint64_t address, uint64_t length) {
    std::string text(std::min<uint64_t>(length, CrashRegisters::kMaxText), '\0');
    if (!memory.copy_out({address}, std::as_writable_bytes(std::span(text)))) {
        return {};  // The address is nonsense; the report is worth having without it.
    }
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}

}  // namespace

uint64_t CrashRegisters::read(uint32_t msr) {
    if (msr == kMsrCrashCtl) {
        return kNotify | kNotifyWithText;
    }
    const std::lock_guard lock(mutex_);
    const size_t index = msr - kMsrCrashP0;
    return index < parameters_.size() ? parameters_[index] : 0;
}

std::optional<vm::CrashReport> CrashRegisters::write(uint32_t msr, uint64_t value,
                                                     const vm::GuestMemory& memory) {
    vm::CrashReport report;
    {
        const std::lock_guard lock(mutex_);
        const size_t index = msr - kMsrCrashP0;
        if (index < parameters_.size()) {
            parameters_[index] = value;
            return std::nullopt;
        }
        report.parameters = parameters_;
    }
    if (msr != kMsrCrashCtl || (value & kNotify) == 0) {
        return std::nullopt;
    }
    if ((value & kNotifyWithText) != 0) {
        report.text = read_text(memory, report.parameters[3], report.parameters[4]);
    }
    return report;
}

void CrashRegisters::reset() {
    const std::lock_guard lock(mutex_);
    parameters_ = {};
}

}  // namespace hvis::kvm
