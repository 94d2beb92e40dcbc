#include "worker/serial_console.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace hvis::worker {
namespace {

/// How soon typed bytes are offered again to a port whose queue was full (the guest has no way to
/// tell that it has read some), and output to a standard stream that is not being read.
constexpr auto kInputRetry = std::chrono::milliseconds(5);
constexpr auto kOutputRetry = std::chrono::milliseconds(20);

/// Standard output is shared with others, so it must not be made non-blocking: a terminal or a pipe
/// is opened anew, for a description of our own. None for what cannot be: a file, which does not
/// block, or a socket.
UniqueFd own_standard_output() {
    struct stat status{};
    if (::fstat(STDOUT_FILENO, &status) != 0 ||
        !(S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode))) {
        return {};
    }
    return UniqueFd(
        ::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_APPEND | O_CLOEXEC));
}

/// True if something can be written without blocking, and PIPE_BUF bytes into a pipe.
bool writable_now(int fd) {
    pollfd entry{.fd = fd, .events = POLLOUT, .revents = 0};
    return ::poll(&entry, 1, 0) == 1;
}

/// A standard output that is a socket takes only some of it, rather than wait.
ssize_t write_without_waiting(int fd, ByteView bytes) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent >= 0 || errno != ENOTSOCK ? sent : ::write(fd, bytes.data(), bytes.size());
}

/// Removes a socket on which nobody listens; what else is in the way stays.
Result<void> remove_stale(const char* path, const sockaddr* address, socklen_t length) {
    struct stat status{};
    if (::lstat(path, &status) != 0) {
        return {};  // bind says what is wrong, if anything is
    }
    if (!S_ISSOCK(status.st_mode)) {
        return fail(Errc::kState, "the path of the serial socket is in use by something else");
    }
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) {
        return fail_errno("socket");
    }
    if (::connect(probe.get(), address, length) == 0 || errno != ECONNREFUSED) {
        return fail(Errc::kState, "another process listens on the serial socket");
    }
    if (::unlink(path) != 0) {
        return fail_errno("unlink the stale serial socket");
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<SerialConsole>> SerialConsole::create(const SerialConfig& config,
                                                             loop::Loop& loop) {
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) {
        return fail_errno("eventfd");
    }
    std::unique_ptr<SerialConsole> console(new SerialConsole(config, loop, std::move(wake)));
    HVIS_CHECK(console->open(config));
    HVIS_CHECK(loop.watch(console->wake_.get(), EPOLLIN,
                          [raw = console.get()](uint32_t) { raw->fetch_output(); }));
    return console;
}

SerialConsole::SerialConsole(const SerialConfig& config, loop::Loop& loop, UniqueFd wake)
    : config_(config), loop_(loop), wake_(std::move(wake)) {}

SerialConsole::~SerialConsole() {
    loop_.cancel_timer(retry_);
    loop_.cancel_timer(output_retry_);
    drop_client();
    if (input_fd_ >= 0) {
        loop_.unwatch(input_fd_);
    }
    if (listener_) {
        loop_.unwatch(listener_.get());
        ::unlink(config_.path.c_str());
    }
    loop_.unwatch(wake_.get());
}

Result<void> SerialConsole::open(const SerialConfig& config) {
    if (!config.log.empty()) {
        log_.emplace(HVIS_TRY(SerialLog::open(config.log)));
    }
    switch (config.kind) {
        case SerialConfig::Kind::kNone:
            return {};
        case SerialConfig::Kind::kStdout:
            file_ = own_standard_output();
            watch_input(STDIN_FILENO);
            return {};
        case SerialConfig::Kind::kFile:
            file_.reset(
                ::open(config.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
            if (!file_) {
                return fail_errno("cannot open the serial port's file");
            }
            return {};
        case SerialConfig::Kind::kSocket:
            return listen(config.path);
    }
    return fail(Errc::kInvalid, "serial port of unknown kind");
}

Result<void> SerialConsole::listen(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) {
        return fail(Errc::kInvalid, "path of the serial socket is too long");
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener) {
        return fail_errno("socket");
    }
    // SAFETY: the sockets API takes every address family through this one type.
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    HVIS_CHECK(remove_stale(path.c_str(), generic, sizeof(address)));
    const mode_t old_mask = ::umask(0177);
    const int bound = ::bind(listener.get(), generic, sizeof(address));
    ::umask(old_mask);
    if (bound != 0) {
        return fail_errno("cannot bind the serial port's socket");
    }
    if (::listen(listener.get(), 1) != 0) {
        return fail_errno("listen");
    }
    listener_ = std::move(listener);
    return loop_.watch(listener_.get(), EPOLLIN, [this](uint32_t) { accept_client(); });
}

void SerialConsole::accept_client() {
    UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) {
        return;
    }
    drop_client();  // the newest client wins: the old one may be dead and not know it
    client_ = std::move(client);
    output_blocked_ = false;
    watch_input(client_.get());
    write_output();
}

void SerialConsole::drop_client() {
    if (client_) {
        loop_.unwatch(client_.get());
        input_fd_ = -1;
        client_.reset();
    }
}

void SerialConsole::watch_input(int fd) {
    // Fails on a plain file or /dev/null as standard input: then there is nothing to type.
    if (loop_.watch(fd, EPOLLIN, [this, fd](uint32_t events) {
            if ((events & EPOLLOUT) != 0) {
                output_blocked_ = false;
                write_output();
            }
            if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
                input_ready(fd);
            }
        })) {
        input_fd_ = fd;
    }
}

void SerialConsole::input_ready(int fd) {
    std::array<std::byte, 4096> buffer{};
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0) {
        input_.insert(input_.end(), buffer.begin(), buffer.begin() + got);
        feed_guest();
        return;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (client_ && fd == client_.get()) {
        drop_client();
    } else {
        loop_.unwatch(fd);  // also while the port is full: its end would be told again and again
        input_fd_ = -1;
    }
}

void SerialConsole::feed_guest() {
    if (serial_ == nullptr || input_.empty()) {
        return;
    }
    const size_t taken = serial_->push_input(input_);
    input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(taken));
    if (input_.empty() || retry_ != 0) {
        return;
    }
    // Read no more until the port has room: the pipe or socket holds the rest back for us.
    const int paused = std::exchange(input_fd_, -1);
    const auto output = [this] { return output_blocked_ ? static_cast<uint32_t>(EPOLLOUT) : 0U; };
    (void)loop_.change(paused, output());
    retry_ = loop_.add_timer(loop::Loop::now() + kInputRetry, [this, paused, output] {
        retry_ = 0;
        const bool alive =
            config_.kind != SerialConfig::Kind::kSocket || (client_ && client_.get() == paused);
        // Output may have been blocked, or freed, since.
        if (alive && loop_.change(paused, EPOLLIN | output())) {
            input_fd_ = paused;
        }
        feed_guest();
    });
}

void SerialConsole::output_ready() const {
    const uint64_t one = 1;
    // Only a full counter fails, and then the loop is awake already.
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

void SerialConsole::fetch_output() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof(count));
    if (serial_ == nullptr) {
        return;
    }
    const Bytes fresh = serial_->take_output();
    if (log_) {
        log_->append(fresh);
    }
    backlog_.insert(backlog_.end(), fresh.begin(), fresh.end());
    write_output();
    if (backlog_.size() > kMaxBacklog) {
        const auto excess = static_cast<ptrdiff_t>(backlog_.size() - kMaxBacklog);
        backlog_.erase(backlog_.begin(), backlog_.begin() + excess);
    }
}

int SerialConsole::output_fd() const {
    switch (config_.kind) {
        case SerialConfig::Kind::kNone:
            return -1;
        case SerialConfig::Kind::kStdout:
            return file_ ? file_.get() : STDOUT_FILENO;
        case SerialConfig::Kind::kFile:
            return file_.get();
        case SerialConfig::Kind::kSocket:
            return client_.get();
    }
    return -1;
}

void SerialConsole::write_output() {
    const int fd = output_fd();
    if (fd < 0 || output_blocked_) {
        return;  // the watch of a blocked client says when to go on
    }
    std::array<std::byte, PIPE_BUF> chunk{};
    while (!backlog_.empty()) {
        if (!client_ && !writable_now(fd)) {
            retry_output();
            return;
        }
        const size_t size = std::min(chunk.size(), backlog_.size());
        std::copy_n(backlog_.begin(), size, chunk.begin());
        const ssize_t written = client_ ? ::send(fd, chunk.data(), size, MSG_NOSIGNAL)
                                        : write_without_waiting(fd, {chunk.data(), size});
        if (written > 0) {
            backlog_.erase(backlog_.begin(), backlog_.begin() + written);
            continue;
        }
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (client_ && errno == EAGAIN) {
            output_blocked_ = true;
            const uint32_t input = input_fd_ >= 0 ? EPOLLIN : 0U;
            (void)loop_.change(client_.get(), input | EPOLLOUT);
            return;
        }
        if (client_) {
            drop_client();
        } else if (errno == EAGAIN) {
            retry_output();
        } else {
            backlog_.clear();  // nobody will ever read it: a closed pipe, a full disk
        }
        return;
    }
    if (client_ && input_fd_ >= 0) {
        (void)loop_.change(client_.get(), EPOLLIN);
    }
}

void SerialConsole::retry_output() {
    if (output_retry_ == 0) {
        output_retry_ = loop_.add_timer(loop::Loop::now() + kOutputRetry, [this] {
            output_retry_ = 0;
            write_output();
        });
    }
}

void SerialConsole::flush() {
    fetch_output();
    const TimePoint deadline = loop::Loop::now() + kFlushPatience;
    while (!backlog_.empty() && output_fd() >= 0) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - loop::Loop::now());
        pollfd entry{.fd = output_fd(), .events = POLLOUT, .revents = 0};
        if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) != 1 ||
            (entry.revents & POLLOUT) == 0) {
            return;  // It does not read, or is gone.
        }
        output_blocked_ = false;
        write_output();
    }
}

}  // namespace hvis::worker
