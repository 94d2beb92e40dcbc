#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "manager/api/transfer.h"

namespace hvis::manager {

/// Turns bytes into the fraction that callers hear about.
class Meter {
public:
    Meter(const Progress& progress, uint64_t total) : progress_(progress), total_(total) {}
    void begin(std::string step) {
        step_ = std::move(step);
        tell();
    }
    void add(uint64_t bytes) {
        done_ += bytes;
        // Sixteen chunks between two reports: an operation's progress is for people.
        if (++chunks_ % 16 == 0) {
            tell();
        }
    }

private:
    void tell() const {
        progress_(total_ == 0
                      ? 1.0
                      : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)),
                  step_);
    }
    const Progress& progress_;
    uint64_t total_;
    uint64_t done_ = 0;
    uint64_t chunks_ = 0;
    std::string step_;
};

}  // namespace hvis::manager
