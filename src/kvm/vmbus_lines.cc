#include "kvm/vmbus_lines.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace hvis::kvm {

Result<std::unique_ptr<VmbusLines>> VmbusLines::create(loop::Loop& loop, uint32_t processors,
                                                       std::function<void(uint32_t)> freed) {
    std::vector<Line> lines(processors);
    for (auto& line : lines) {
        line.raise.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        line.end.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!line.raise || !line.end) {
            return fail_errno("eventfd");
        }
    }
    return std::unique_ptr<VmbusLines>(new VmbusLines(loop, std::move(lines), std::move(freed)));
}

VmbusLines::~VmbusLines() { stop_expecting(); }

Result<void> VmbusLines::attach(const Machine& machine) const {
    for (uint32_t vp = 0; vp < lines_.size(); ++vp) {
        HVIS_CHECK(machine.attach_sint(vp, lines_[vp].raise.get(), lines_[vp].end.get()));
    }
    return {};
}

void VmbusLines::raise(uint32_t vp) const {
    // It fails only when the counter is full, and then the interrupt is on its way.
    (void)eventfd_write(lines_[vp].raise.get(), 1);
}

void VmbusLines::forget_ends(uint32_t vp) const {
    if (!lines_[vp].expecting) {
        eventfd_t count = 0;
        (void)eventfd_read(lines_[vp].end.get(), &count);
    }
}

Result<void> VmbusLines::expect_end(uint32_t vp) {
    auto& line = lines_[vp];
    if (line.expecting) {
        return {};
    }
    HVIS_CHECK(loop_.watch(line.end.get(), EPOLLIN, [this, vp](uint32_t) { ended(vp); }));
    line.expecting = true;
    return {};
}

void VmbusLines::ended(uint32_t vp) {
    auto& line = lines_[vp];
    loop_.unwatch(line.end.get());
    line.expecting = false;
    freed_(vp);
}

void VmbusLines::stop_expecting() {
    for (auto& line : lines_) {
        if (line.expecting) {
            loop_.unwatch(line.end.get());
            line.expecting = false;
        }
    }
}

}  // namespace hvis::kvm
