#include "harness/guest_clock.h"

#include <ostream>

namespace hvis::guests {
namespace {

using Seconds = std::chrono::duration<double>;

Seconds host_time() { return std::chrono::system_clock::now().time_since_epoch(); }

}  // namespace

ClockOffset clock_offset(Guest& guest, const std::string& command) {
    const Seconds before = host_time();
    const Seconds told = std::chrono::nanoseconds(guest.number(command));
    const Seconds after = host_time();
    return {.lowest = told - after, .highest = told - before};
}

void shift_clock(Guest& guest, std::chrono::seconds by) {
    (void)guest.output("date -s @$(($(date +%s) + " + std::to_string(by.count()) + "))");
}

std::ostream& operator<<(std::ostream& stream, const ClockOffset& offset) {
    return stream << "the guest is " << offset.lowest.count() << " s to " << offset.highest.count()
                  << " s ahead";
}

}  // namespace hvis::guests
