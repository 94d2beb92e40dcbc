#include "harness/console.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "harness/base64.h"

namespace hvis::guests {
namespace {

constexpr std::string_view kReady = "HVIS-GUEST-READY\n";

UniqueFd connect_once(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // SAFETY: sockaddr_un begins like a sockaddr; that is how connect() takes it.
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
        0) {
        socket.reset();
    }
    return socket;
}

void pause_until_next_look() { ::poll(nullptr, 0, static_cast<int>(kLookInterval.count())); }

}  // namespace

std::unique_ptr<Console> Console::connect(const std::string& path, Clock::time_point deadline) {
    for (;;) {
        if (UniqueFd socket = connect_once(path)) {
            return std::unique_ptr<Console>(new Console(std::move(socket)));
        }
        if (Clock::now() >= deadline) {
            return nullptr;
        }
        pause_until_next_look();
    }
}

bool Console::wait_ready(Clock::time_point deadline) {
    silent_ = !wait_text(kReady, deadline);
    return !silent_;
}

CommandOutput Console::run(std::string_view command, Clock::time_point deadline) {
    if (silent_) {
        return {.status = -1, .output = "(the console does not answer)"};
    }
    const std::string id = "c" + std::to_string(next_command_++);
    write_all(id + " b64:" + to_base64(command) + "\n");
    const bool began = wait_text("<<<" + id + "\n", deadline);
    const size_t start = read_;
    const std::string mark = "\n>>>" + id + " ";
    if (!began || !wait_text(mark, deadline)) {
        silent_ = true;
        return {.status = -1, .output = transcript_.substr(start)};
    }
    const size_t end = read_ - mark.size();
    if (!wait_text("\n", deadline)) {
        silent_ = true;
        return {.status = -1, .output = transcript_.substr(start)};
    }
    const size_t number = end + mark.size();
    std::string output = transcript_.substr(start, end - start);
    output.erase(output.find_last_not_of('\n') + 1);
    return {.status = std::atoi(transcript_.c_str() + number), .output = std::move(output)};
}

void Console::send(std::string_view command) {
    write_all("x b64:" + to_base64(command) + "\n");
    silent_ = true;
}

bool Console::wait_text(std::string_view text, Clock::time_point deadline) {
    for (;;) {
        const size_t found = transcript_.find(text, read_);
        if (found != std::string::npos) {
            read_ = found + text.size();
            return true;
        }
        if (!receive(deadline)) {
            return false;
        }
    }
}

const std::string& Console::transcript() {
    while (receive(Clock::now())) {
    }
    return transcript_;
}

bool Console::receive(Clock::time_point deadline) {
    if (closed_) {
        return false;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd readable{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&readable, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready <= 0) {
        return ready < 0 && errno == EINTR;
    }
    std::array<char, 16384> bytes;
    const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (size <= 0) {
        closed_ = true;
        return false;
    }
    std::copy_if(bytes.begin(), bytes.begin() + size, std::back_inserter(transcript_),
                 [](char byte) { return byte != '\r'; });
    return true;
}

bool Console::write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (size < 0) {
            return false;
        }
        text.remove_prefix(static_cast<size_t>(size));
    }
    return true;
}

}  // namespace hvis::guests
