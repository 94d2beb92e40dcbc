#include "cli/http/fake_server.h"

#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace hvis::cli {
namespace {

/// Of the header, 0 when it is missing.
size_t content_length(const std::string& head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const size_t at = head.find(kName);
    size_t length = 0;
    if (at != std::string::npos) {
        std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
    }
    return length;
}

/// False at the end of the connection.
bool read_more(int connection, std::string& text) {
    std::array<char, 4096> piece = {};
    const ssize_t got = ::recv(connection, piece.data(), piece.size(), 0);
    if (got > 0) {
        text.append(piece.data(), static_cast<size_t>(got));
    }
    return got > 0;
}

}  // namespace

std::string FakeRequest::line() const {
    return method + " " + target + (body.empty() ? "" : " " + body);
}

FakeServer::FakeServer(Answer answer) : answer_(std::move(answer)) {
    std::string pattern = testing::TempDir() + "hvis_cli_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path().c_str(), path().size());
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
    thread_ = std::jthread([this] { serve(); });
}

FakeServer::~FakeServer() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
}

std::vector<FakeRequest> FakeServer::requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
}

std::vector<std::string> FakeServer::lines() const {
    std::vector<std::string> lines;
    for (const FakeRequest& request : requests()) {
        lines.push_back(request.line());
    }
    return lines;
}

void FakeServer::serve() {
    std::array<pollfd, 2> polled = {{{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                                     {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
    while (::poll(polled.data(), polled.size(), -1) > 0 && polled[1].revents == 0) {
        const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection) {
            serve_one(connection.get());
        }
    }
}

void FakeServer::serve_one(int connection) {
    std::string text;
    size_t end = std::string::npos;
    while ((end = text.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more(connection, text)) {
            return;
        }
    }
    FakeRequest request;
    request.head = text.substr(0, end + 2);
    request.body = text.substr(end + 4);
    const size_t length = content_length(request.head);
    while (request.body.size() < length && read_more(connection, request.body)) {
    }
    const size_t blank = request.head.find(' ');
    request.method = request.head.substr(0, blank);
    request.target = request.head.substr(blank + 1, request.head.find(' ', blank + 1) - blank - 1);
    {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(request);
    }
    const std::string reply = answer_(request);
    size_t sent = 0;
    while (sent < reply.size()) {
        const ssize_t count =
            ::send(connection, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            return;
        }
        sent += static_cast<size_t>(count);
    }
}

std::string reply_text(int status, const std::string& body, const std::string& type) {
    return "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace hvis::cli
