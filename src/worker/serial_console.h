#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "device/serial/serial.h"
#include "loop/loop.h"
#include "worker/config.h"
#include "worker/serial_log.h"

namespace hvis::worker {

/// Joins the guest's serial port to standard streams, a file, or a Unix stream socket with one
/// client at a time. Loop thread, but for output_ready().
class SerialConsole {
public:
    /// What the guest wrote while no client was connected, kept for the next one: the newest bytes.
    static constexpr size_t kMaxBacklog = size_t{256} << 10;

    /// `loop` and `serial` must outlive the console.
    static Result<std::unique_ptr<SerialConsole>> create(const SerialConfig& config,
                                                         loop::Loop& loop);
    SerialConsole(const SerialConsole&) = delete;
    SerialConsole& operator=(const SerialConsole&) = delete;
    ~SerialConsole();

    void attach(device::Serial& serial) { serial_ = &serial; }
    /// For Serial::Hooks::output_ready: any thread.
    void output_ready() const;
    /// How long the other side may take to read what is left when the process ends.
    static constexpr Duration kFlushPatience = std::chrono::seconds(2);

    /// Writes what is left, waiting for the other side for at most kFlushPatience in all; before
    /// the process ends.
    void flush();

private:
    SerialConsole(const SerialConfig& config, loop::Loop& loop, UniqueFd wake);
    Result<void> open(const SerialConfig& config);
    Result<void> listen(const std::string& path);
    void accept_client();
    void drop_client();
    void watch_input(int fd);
    void input_ready(int fd);
    void feed_guest();
    void fetch_output();
    void write_output();
    void retry_output();
    [[nodiscard]] int output_fd() const;

    SerialConfig config_;
    loop::Loop& loop_;
    device::Serial* serial_ = nullptr;
    UniqueFd wake_;
    UniqueFd file_;      // file
    UniqueFd listener_;  // socket
    UniqueFd client_;    // socket
    std::optional<SerialLog> log_;
    int input_fd_ = -1;  // watched, or -1
    bool output_blocked_ = false;
    std::deque<std::byte> backlog_;
    Bytes input_;  // typed, and the port's queue was full
    loop::Loop::TimerId retry_ = 0;
    loop::Loop::TimerId output_retry_ = 0;
};

}  // namespace hvis::worker
