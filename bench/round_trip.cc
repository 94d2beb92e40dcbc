// Sends one request over and over on a Unix socket, each time waiting for the answer, and prints
// how long that took. It knows neither protocol, so that both sides of a comparison are asked by
// the same code.
//
// usage: round_trip packets|lines SOCKET COUNT EXPECTED REQUEST [HELLO]
//
//   packets    SOCK_SEQPACKET, one message a packet (hvis-vm's control socket)
//   lines      SOCK_STREAM, one message a line (qemu-guest-agent)
//   EXPECTED   text that every good answer contains
//   HELLO      sent once before; its answer is not looked at
//
// Prints "count=N median_us=… p95_us=… min_us=…".
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

[[noreturn]] void die(const std::string& text) {
    std::cerr << "round_trip: " << text << '\n';
    std::exit(1);
}

class Connection {
public:
    Connection(const std::string& path, bool lines) : lines_(lines) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.size() >= sizeof(address.sun_path)) {
            die("socket path is too long");
        }
        std::memcpy(address.sun_path, path.data(), path.size());
        fd_ = ::socket(AF_UNIX, (lines ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0);
        if (fd_ < 0 ||
            ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
            die("cannot connect to " + path + ": " + std::strerror(errno));
        }
    }
    ~Connection() { ::close(fd_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void send(std::string_view message) {
        std::string text(message);
        if (lines_) {
            text += '\n';
        }
        if (::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(text.size())) {
            die(std::string("cannot send: ") + std::strerror(errno));
        }
    }

    std::string receive() {
        std::string message;
        do {
            std::string part(65536, '\0');
            const ssize_t size = ::recv(fd_, part.data(), part.size(), 0);
            if (size <= 0) {
                die("the other side is gone");
            }
            message.append(part, 0, static_cast<size_t>(size));
        } while (lines_ && message.back() != '\n');
        return message;
    }

private:
    int fd_ = -1;
    bool lines_;
};

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() < 5 || arguments.size() > 6 ||
        (arguments[0] != "packets" && arguments[0] != "lines")) {
        die("usage: round_trip packets|lines SOCKET COUNT EXPECTED REQUEST [HELLO]");
    }
    const auto count = std::strtoul(arguments[2].c_str(), nullptr, 10);
    if (count == 0) {
        die("COUNT is not a number above 0");
    }
    Connection connection(arguments[1], arguments[0] == "lines");
    if (arguments.size() == 6) {
        connection.send(arguments[5]);
        (void)connection.receive();
    }
    std::vector<double> times;
    for (unsigned long round = 0; round < count; ++round) {
        const auto start = std::chrono::steady_clock::now();
        connection.send(arguments[4]);
        const std::string answer = connection.receive();
        const std::chrono::duration<double, std::micro> taken =
            std::chrono::steady_clock::now() - start;
        if (answer.find(arguments[3]) == std::string::npos) {
            die("unexpected answer: " + answer);
        }
        times.push_back(taken.count());
    }
    std::sort(times.begin(), times.end());
    const auto at = [&](size_t percent) { return times[(times.size() - 1) * percent / 100]; };
    std::cout << "count=" << times.size() << " median_us=" << static_cast<long>(at(50))
              << " p95_us=" << static_cast<long>(at(95)) << " min_us=" << static_cast<long>(at(0))
              << '\n';
    return 0;
}
