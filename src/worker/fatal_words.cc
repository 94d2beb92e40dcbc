#include "worker/fatal_words.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hvis::worker {
namespace {

/// Those whose default is the end of the process, but for SIGKILL, SIGPIPE and SIGXFSZ (ignored),
/// SIGINT and SIGTERM (which are asked politely), SIGSYS (which the filters send for the kernel to
/// obey) and those of real time, which nobody sends but us.
constexpr std::array kFatalSignals = {SIGABRT, SIGALRM, SIGBUS,    SIGFPE,  SIGHUP,   SIGILL,
                                      SIGQUIT, SIGSEGV, SIGTRAP,   SIGUSR1, SIGUSR2,  SIGPOLL,
                                      SIGPROF, SIGXCPU, SIGVTALRM, SIGPWR,  SIGSTKFLT};

/// What a shell reports of a process that a signal ended.
constexpr int kSignalStatus = 128;
constexpr size_t kStackBytes = size_t{64} << 10;

struct Prepared {
    std::atomic<bool> armed{false};
    pid_t thread = 0;
    int directory = -1;
    int file = -1;
    std::array<char, NAME_MAX + 1> new_name{};
    std::array<char, NAME_MAX + 1> name{};
    std::array<char, 37> run{};
    const control::EventLog* events = nullptr;
    alignas(16) std::array<char, kStackBytes> stack{};  ///< a full stack may be what was hit
};
// A signal handler has no argument of ours.
Prepared prepared;  // NOLINT(*-avoid-non-const-global-variables)

/// Text in prepared memory.
class Line {
public:
    Line& operator<<(std::string_view text) {
        const size_t size = std::min(text.size(), text_.size() - used_);
        std::memcpy(text_.data() + used_, text.data(), size);
        used_ += size;
        return *this;
    }
    Line& operator<<(uint64_t number) { return digits(number, 1); }
    /// With leading zeros.
    Line& digits(uint64_t number, size_t width) {
        std::array<char, 20> text{};
        const char* const end = std::to_chars(text.begin(), text.end(), number).ptr;
        const auto size = static_cast<size_t>(end - text.data());
        for (size_t count = size; count < width; ++count) {
            *this << std::string_view("0");
        }
        return *this << std::string_view(text.data(), size);
    }
    [[nodiscard]] std::string_view text() const { return {text_.data(), used_}; }

private:
    std::array<char, 512> text_{};
    size_t used_ = 0;
};

/// control::time_text without its allocations.
void put_now(Line& line) {
    timespec now{};
    (void)::clock_gettime(CLOCK_REALTIME, &now);
    const std::chrono::sys_seconds seconds{std::chrono::seconds(now.tv_sec)};
    const auto day = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date(day);
    const auto of_day = static_cast<uint64_t>((seconds - day).count());
    line.digits(static_cast<uint64_t>(static_cast<int>(date.year())), 4) << std::string_view("-");
    line.digits(static_cast<unsigned>(date.month()), 2) << std::string_view("-");
    line.digits(static_cast<unsigned>(date.day()), 2) << std::string_view("T");
    line.digits(of_day / 3600, 2) << std::string_view(":");
    line.digits(of_day / 60 % 60, 2) << std::string_view(":");
    line.digits(of_day % 60, 2) << std::string_view(".");
    line.digits(static_cast<uint64_t>(now.tv_nsec) / 1'000'000, 3) << std::string_view("Z");
}

void write_words(int signal) {
    const auto number = static_cast<uint64_t>(signal);
    Line line;
    line << std::string_view(R"({"run":")") << std::string_view(prepared.run.data())
         << std::string_view(R"(","ended":")");
    put_now(line);
    line << std::string_view(R"(","state":"failed","reason":"signal )") << number
         << std::string_view(R"( ended the worker","exit_status":)") << number + kSignalStatus
         << std::string_view(R"(,"events":[],"next":)") << prepared.events->next_sequence()
         << std::string_view("}\n");
    // Nothing can be done about a failure: then there are no words.
    if (::ftruncate(prepared.file, 0) == 0 && ::lseek(prepared.file, 0, SEEK_SET) == 0 &&
        ::write(prepared.file, line.text().data(), line.text().size()) > 0 &&
        ::fsync(prepared.file) == 0) {
        (void)::renameat(prepared.directory, prepared.new_name.data(), prepared.directory,
                         prepared.name.data());
    }
}

void on_fatal_signal(int signal) {
    const auto thread = static_cast<pid_t>(::syscall(SYS_gettid));
    if (thread != prepared.thread && prepared.armed.load()) {
        ::syscall(SYS_tgkill, ::getpid(), prepared.thread, signal);
        for (;;) {  // The other thread ends the process.
            static const int kNever = 0;
            ::syscall(SYS_futex, &kNever, FUTEX_WAIT_PRIVATE, kNever, nullptr);
        }
    }
    if (prepared.armed.exchange(false)) {
        write_words(signal);
    }
    // Its course. Not by SA_RESETHAND: another thread may have handed the signal on to this one.
    struct sigaction by_default{};
    by_default.sa_handler = SIG_DFL;
    ::sigaction(signal, &by_default, nullptr);
    ::syscall(SYS_tgkill, ::getpid(), thread, signal);
}

template <size_t kSize>
void keep(std::array<char, kSize>& place, const std::string& text) {
    place.fill('\0');
    std::copy_n(text.begin(), std::min(text.size(), kSize - 1), place.begin());
}

}  // namespace

void arm_fatal_words(const OpenWords& words, const control::EventLog& events) {
    prepared.thread = static_cast<pid_t>(::syscall(SYS_gettid));
    prepared.directory = words.directory;
    prepared.file = words.file;
    keep(prepared.new_name, words.new_name);
    keep(prepared.name, words.name);
    keep(prepared.run, words.run);
    prepared.events = &events;
    prepared.armed = true;
    const stack_t stack{.ss_sp = prepared.stack.data(), .ss_flags = 0, .ss_size = kStackBytes};
    ::sigaltstack(&stack, nullptr);
    struct sigaction ours{};
    ours.sa_handler = on_fatal_signal;
    ours.sa_flags = SA_NODEFER | SA_ONSTACK;
    for (const int signal : kFatalSignals) {
        struct sigaction before{};
        if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL) {
            ::sigaction(signal, &ours, nullptr);
        }
    }
}

void disarm_fatal_words() { prepared.armed = false; }

}  // namespace hvis::worker
