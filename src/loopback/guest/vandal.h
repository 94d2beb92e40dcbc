#pragma once

#include <cstdint>
#include <random>

#include "base/bytes.h"
#include "base/time.h"
#include "loop/loop.h"
#include "loopback/guest/machine.h"

namespace hvis::loopback {

/// Does to the host what a hostile guest might: posts messages and packets that are random or
/// nearly right, scribbles over all of RAM, ring indices and SynIC pages included, rings every
/// port, moves its pages about. The same seed does the same things. Loop thread.
class Vandal {
public:
    static constexpr Duration kPeriod = std::chrono::milliseconds(1);
    static constexpr int kActsPerPeriod = 16;

    /// Starts working. Both must outlive this object.
    Vandal(loop::Loop& loop, Machine& machine, uint64_t seed);
    ~Vandal() { rest(); }
    Vandal(const Vandal&) = delete;
    Vandal& operator=(const Vandal&) = delete;

    void work();
    void rest();

private:
    void act();
    void post_message();
    void send_packet();
    void scribble();
    void break_ring_indices();
    void write_register();
    void ring();
    [[nodiscard]] uint64_t below(uint64_t limit) { return random_() % limit; }
    [[nodiscard]] Bytes random_bytes(uint64_t at_most);

    loop::Loop& loop_;
    Machine& machine_;
    std::mt19937_64 random_;
    loop::Loop::TimerId timer_ = 0;
};

}  // namespace hvis::loopback
