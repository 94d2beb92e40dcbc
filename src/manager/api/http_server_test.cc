#include "manager/api/http_server.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "manager/api/listen.h"

namespace hvis::manager {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Answers "/echo" with the body, "/later" when told, "/stream" with a stream, "/no" early.
class Handler final : public HttpHandler {
public:
    void attach(HttpServer&) override {}
    std::optional<HttpResponse> refuse(const HttpRequest& head) override {
        return head.target == "/no" ? std::optional(HttpResponse{.status = 403}) : std::nullopt;
    }
    void handle(HttpRequest request, std::shared_ptr<Exchange> exchange) override {
        const std::scoped_lock lock(mutex_);
        peer = request.peer;
        if (request.target == "/later") {
            exchange->on_gone([this] { count(gone_); });
            held_.push_back(std::move(exchange));
        } else if (request.target == "/stream") {
            sink_ = exchange->stream({.content_type = "text/event-stream"});
            sink_->notify([this] { count(drained_); }, [this] { count(closed_); });
        } else {
            exchange->answer({.content_type = "text/plain",
                              .headers = {{"X-Target", request.target}},
                              .body = request.body});
        }
        changed_.notify_all();
    }

    std::shared_ptr<Exchange> take() {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(20), [this] { return !held_.empty(); });
        auto exchange = held_.front();
        held_.pop_front();
        return exchange;
    }
    std::shared_ptr<StreamSink> take_sink() {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(20), [this] { return sink_ != nullptr; });
        return std::exchange(sink_, nullptr);
    }
    bool is_administrator(const PeerCredentials&) override { return administrators_come; }
    bool saw_gone() { return reached(gone_); }
    bool saw_closed() { return reached(closed_); }
    bool saw_drained() { return reached(drained_); }

    std::optional<PeerCredentials> peer;
    /// Who comes to the local socket from now on.
    std::atomic<bool> administrators_come{false};

private:
    void count(int& counter) {
        const std::scoped_lock lock(mutex_);
        ++counter;
        changed_.notify_all();
    }
    bool reached(const int& counter) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return counter > 0; });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Exchange>> held_;
    std::shared_ptr<StreamSink> sink_;
    int gone_ = 0;
    int closed_ = 0;
    int drained_ = 0;
};

/// A client that says exactly what it is told to.
class Client {
public:
    explicit Client(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        socket_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(
            ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
        be_patient();
    }
    Client(const sockaddr* address, socklen_t size)
        : socket_(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        EXPECT_EQ(::connect(socket_.get(), address, size), 0);
        be_patient();
    }
    void send(std::string_view text) const {
        EXPECT_EQ(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    /// Until `end` has been seen, or the server has closed.
    std::string read_until(std::string_view end) {
        std::array<char, 4096> buffer{};
        while (text_.find(end) == std::string::npos) {
            const ssize_t bytes = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (bytes <= 0) {
                break;
            }
            text_.append(buffer.data(), static_cast<size_t>(bytes));
        }
        const size_t at = text_.find(end);
        const size_t size = at == std::string::npos ? text_.size() : at + end.size();
        std::string taken = text_.substr(0, size);
        text_.erase(0, size);
        return taken;
    }
    std::string read_all() { return read_until(std::string_view("\0never\0", 7)); }
    void close() { socket_.reset(); }
    [[nodiscard]] int fd() const { return socket_.get(); }

private:
    void be_patient() const {
        const timeval patience{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    }
    UniqueFd socket_;
    std::string text_;
};

std::string get(const std::string& target, const std::string& fields = {}) {
    return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", target, fields);
}

std::string post(const std::string& target, const std::string& body,
                 const std::string& fields = {}) {
    return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{}\r\n{}", target,
                       body.size(), fields, body);
}

class HttpServerTest : public ::testing::Test {
protected:
    HttpServerTest() {
        std::string name = "/tmp/hvis-http-XXXXXX";
        directory_ = ::mkdtemp(name.data());
        path_ = directory_ + "/sock";
    }
    ~HttpServerTest() override {
        server_.reset();
        std::filesystem::remove_all(directory_);
    }
    void serve(HttpLimits limits = {}) {
        HttpServerConfig config;
        config.listeners.push_back({.socket = *listen_unix(path_, 0600), .tls = false});
        config.limits = limits;
        auto started = HttpServer::start(std::move(config), handler_);
        ASSERT_TRUE(started);
        server_ = *std::move(started);
    }

    std::string directory_;
    std::string path_;
    Handler handler_;
    std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, KeepsAConnectionForSeveralRequests) {
    serve();
    Client client(path_);
    for (int count = 0; count < 3; ++count) {
        client.send(post("/echo", "hello"));
        EXPECT_THAT(client.read_until("hello"), StartsWith("HTTP/1.1 200 OK\r\n"));
    }
    EXPECT_EQ(server_->counters().accepted, 1U);
    EXPECT_EQ(server_->counters().requests, 3U);
}

TEST_F(HttpServerTest, ClosesWhenTheClientWantsIt) {
    serve();
    Client client(path_);
    client.send(get("/echo", "Connection: close\r\n"));
    EXPECT_THAT(client.read_all(), HasSubstr("Connection: close\r\n"));
    Client old(path_);
    old.send("GET /echo HTTP/1.0\r\n\r\n");
    EXPECT_THAT(old.read_all(), StartsWith("HTTP/1.0 200 OK\r\n"));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInTheirOrder) {
    serve();
    Client client(path_);
    client.send(get("/later") + get("/two") + post("/three", "body"));
    handler_.take()->answer({.headers = {{"X-Target", "/one"}}});
    const std::string text = client.read_until("body");
    const size_t one = text.find("X-Target: /one");
    const size_t two = text.find("X-Target: /two");
    const size_t three = text.find("X-Target: /three");
    ASSERT_NE(three, std::string::npos) << text;
    EXPECT_LT(one, two);
    EXPECT_LT(two, three);
}

TEST_F(HttpServerTest, LeavesTheBodyOutForHead) {
    serve();
    Client client(path_);
    client.send("HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n" + get("/second"));
    handler_.take()->answer({.body = "12345"});
    EXPECT_THAT(client.read_until("X-Target: /second"), HasSubstr("Content-Length: 5\r\n\r\nHTTP"));
}

TEST_F(HttpServerTest, TellsWhoIsAtTheOtherEnd) {
    serve();
    Client client(path_);
    client.send(get("/echo"));
    client.read_until("\r\n\r\n");
    ASSERT_TRUE(handler_.peer);
    EXPECT_EQ(handler_.peer->user, ::geteuid());
    EXPECT_THAT(handler_.peer->groups, testing::Contains(::getegid()));
}

TEST_F(HttpServerTest, RefusesLongHeadersAndBodies) {
    serve({.header = 1024, .body = 100});
    Client header(path_);
    header.send(get("/echo", "X: " + std::string(2000, 'x') + "\r\n"));
    EXPECT_THAT(header.read_all(), StartsWith("HTTP/1.1 431 "));
    Client body(path_);
    body.send(post("/echo", std::string(101, 'x')));
    EXPECT_THAT(body.read_all(), StartsWith("HTTP/1.1 413 "));
    Client chunked(path_);
    chunked.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                 std::string(101, 'x') + "\r\n0\r\n\r\n");
    EXPECT_THAT(chunked.read_all(), StartsWith("HTTP/1.1 413 "));
    Client fits(path_);
    fits.send(post("/echo", std::string(100, 'x'), "Connection: close\r\n"));
    EXPECT_THAT(fits.read_all(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
    serve();
    for (const char* text : {"hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET\r\n\r\n",
                             "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                             "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
        Client client(path_);
        client.send(text);
        EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 400 ")) << text;
    }
}

TEST_F(HttpServerTest, RefusesBeforeItTakesTheBodyIn) {
    serve();
    Client client(path_);
    client.send(
        "POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
        "Expect: 100-continue\r\n\r\n");
    const std::string text = client.read_all();
    EXPECT_THAT(text, StartsWith("HTTP/1.1 403 "));
    EXPECT_THAT(text, HasSubstr("Connection: close"));
}

TEST_F(HttpServerTest, AsksForTheBodyThatAClientHoldsBack) {
    serve();
    Client client(path_);
    client.send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
        "Expect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ok");
    EXPECT_THAT(client.read_until("ok"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServerTest, TurnsConnectionsAwayPastTheLimit) {
    serve({.connections = 2, .kept_for_local = 0, .kept_for_administrators = 0});
    Client one(path_);
    Client two(path_);
    one.send(get("/echo"));
    two.send(get("/echo"));
    one.read_until("\r\n\r\n");
    two.read_until("\r\n\r\n");
    Client three(path_);
    const std::string text = three.read_all();
    EXPECT_THAT(text, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(text, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_EQ(server_->counters().turned_away, 1U);
    one.send(get("/echo"));
    EXPECT_THAT(one.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

/// Where clients of both kinds are served, the remote ones without TLS for once.
class HttpReachTest : public HttpServerTest {
protected:
    void serve_both(HttpLimits limits) {
        UniqueFd remote = *listen_tcp("127.0.0.1:0");
        size_ = sizeof(remote_);
        ASSERT_EQ(::getsockname(remote.get(), reinterpret_cast<sockaddr*>(&remote_), &size_), 0);
        HttpServerConfig config;
        config.listeners.push_back({.socket = *listen_unix(path_, 0600), .tls = false});
        config.listeners.push_back({.socket = std::move(remote), .tls = false});
        config.limits = limits;
        server_ = *HttpServer::start(std::move(config), handler_);
    }
    [[nodiscard]] Client local() const { return Client(path_); }
    [[nodiscard]] Client remote() const {
        return Client(reinterpret_cast<const sockaddr*>(&remote_), size_);
    }
    /// Opens connections until one is turned away; those before it stay.
    size_t fill(const std::function<Client()>& connect, const std::string& target = "/echo") {
        for (size_t count = 0;; ++count) {
            Client client = connect();
            // Who is turned away may find it closed already.
            const std::string request = get(target);
            [[maybe_unused]] const ssize_t sent =
                ::send(client.fd(), request.data(), request.size(), MSG_NOSIGNAL);
            if (!client.read_until("\r\n\r\n").starts_with("HTTP/1.1 200 ")) {
                return count;
            }
            open_.push_back(std::move(client));
        }
    }

    sockaddr_storage remote_{};
    socklen_t size_ = 0;
    std::vector<Client> open_;
};

TEST_F(HttpReachTest, KeepsConnectionsForTheLocalSocketAndItsAdministrators) {
    serve_both({.connections = 10, .kept_for_local = 4, .kept_for_administrators = 1});
    EXPECT_EQ(fill([this] { return remote(); }), 6U);
    EXPECT_EQ(fill([this] { return local(); }), 3U) << "but the administrators' one";
    handler_.administrators_come = true;
    EXPECT_EQ(fill([this] { return local(); }), 1U);
    open_.erase(open_.begin());
    const auto closed = [this] { return server_->counters().connections == 9; };
    while (!closed()) {
        std::this_thread::yield();
    }
    EXPECT_EQ(fill([this] { return remote(); }), 1U) << "its place is free again";
}

TEST_F(HttpReachTest, KeepsNothingFromAdministrators) {
    serve_both({.connections = 10, .kept_for_local = 4, .kept_for_administrators = 1});
    handler_.administrators_come = true;
    EXPECT_EQ(fill([this] { return local(); }), 10U);
    EXPECT_EQ(fill([this] { return remote(); }), 0U);
}

TEST_F(HttpReachTest, KeepsStreamsForAdministrators) {
    serve_both({.streams = 3, .streams_kept_for_administrators = 1});
    const auto streams = [this] { return fill([this] { return remote(); }, "/stream"); };
    EXPECT_EQ(streams(), 2U);
    handler_.administrators_come = true;
    EXPECT_EQ(fill([this] { return local(); }, "/stream"), 1U);
}

TEST_F(HttpServerTest, DropsIdleAndSlowClients) {
    serve({.idle_time = milliseconds(50), .request_time = milliseconds(100)});
    Client silent(path_);
    EXPECT_EQ(silent.read_all(), "");
    Client half(path_);
    half.send("GET /echo HT");
    EXPECT_THAT(half.read_all(), StartsWith("HTTP/1.1 408 "));
    Client no_body(path_);
    no_body.send(get("/echo"));
    no_body.read_until("\r\n\r\n");
    no_body.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    const std::string said = no_body.read_all();
    EXPECT_THAT(said, StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(said, HasSubstr("Connection: close"));
    EXPECT_THAT(said, HasSubstr("not complete after 100 ms"));
    // The server closes first and counts then.
    while (server_->counters().timed_out < 3) {
        std::this_thread::yield();
    }
}

TEST_F(HttpServerTest, DropsAClientThatSendsAByteNowAndThen) {
    serve({.request_time = milliseconds(100)});
    Client client(path_);
    client.send("GET /echo HTTP/1.1\r\nX: ");
    pollfd answer{.fd = client.fd(), .events = POLLIN, .revents = 0};
    for (int sent = 0; sent < 10'000 && ::poll(&answer, 1, 1) == 0; ++sent) {
        client.send("x");
    }
    EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(server_->counters().timed_out, 1U);
}

TEST_F(HttpServerTest, WaitsForASlowHandlerLongerThanForAClient) {
    serve({.idle_time = milliseconds(50), .request_time = milliseconds(50)});
    Client client(path_);
    client.send(get("/later"));
    const auto exchange = handler_.take();
    std::this_thread::sleep_for(milliseconds(200));
    exchange->answer({.body = "late"});
    EXPECT_THAT(client.read_until("late"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, NoticesThatTheClientLeftBeforeTheAnswer) {
    serve();
    Client client(path_);
    client.send(get("/later"));
    const auto exchange = handler_.take();
    client.close();
    EXPECT_TRUE(handler_.saw_gone());
    exchange->answer({});
}

TEST_F(HttpServerTest, NoticesThatAClientLeftThatHasPipelinedARequest) {
    serve();
    Client client(path_);
    client.send(get("/later") + get("/echo"));
    const auto exchange = handler_.take();
    // The second one lies unread, also when the server has looked at the socket.
    client.send(get("/echo"));
    std::this_thread::sleep_for(milliseconds(50));
    client.close();
    EXPECT_TRUE(handler_.saw_gone());
    exchange->answer({});
}

TEST_F(HttpServerTest, DropsAClientThatDoesNotTakeItsAnswer) {
    serve({.write_time = milliseconds(100)});
    Client client(path_);
    client.send(get("/later"));
    handler_.take()->answer({.body = std::string(8U * 1024 * 1024, 'x')});
    while (server_->counters().timed_out == 0) {
        std::this_thread::yield();
    }
    EXPECT_LT(client.read_all().size(), 8U * 1024 * 1024);
}

TEST_F(HttpServerTest, StreamsEventsAndBeatsWhileSilent) {
    serve({.stream_beat = milliseconds(30)});
    Client client(path_);
    client.send(get("/stream"));
    const auto sink = handler_.take_sink();
    EXPECT_TRUE(sink->write("data: 1\n\n"));
    // A beat may share the event's chunk when the machine is busy.
    EXPECT_THAT(client.read_until("data: 1\n\n\r\n"),
                HasSubstr("Content-Type: text/event-stream\r\n"));
    EXPECT_TRUE(handler_.saw_drained());
    EXPECT_THAT(client.read_until(":\n\n\r\n"), testing::EndsWith(":\n\n\r\n"));
    EXPECT_EQ(server_->counters().streams, 1U);
    sink->finish();
    EXPECT_THAT(client.read_all(), testing::EndsWith("0\r\n\r\n"));
    EXPECT_TRUE(handler_.saw_closed());
    EXPECT_FALSE(sink->write("data: 2\n\n"));
}

TEST_F(HttpServerTest, BeginsNoStreamForHead) {
    serve({.streams = 1, .streams_kept_for_administrators = 0});
    Client client(path_);
    client.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto sink = handler_.take_sink();
    sink->write("data: 1\n\n");
    const std::string text = client.read_all();
    EXPECT_THAT(text, HasSubstr("Content-Type: text/event-stream\r\n"));
    EXPECT_THAT(text, testing::EndsWith("\r\n\r\n")) << "the header and no more";
    EXPECT_TRUE(handler_.saw_closed());
    EXPECT_EQ(server_->counters().streams, 0U);
}

TEST_F(HttpServerTest, NoticesThatAStreamsClientLeft) {
    serve();
    Client client(path_);
    client.send(get("/stream"));
    const auto sink = handler_.take_sink();
    client.read_until("\r\n\r\n");
    client.close();
    EXPECT_TRUE(handler_.saw_closed());
    EXPECT_TRUE(sink->closed());
}

TEST_F(HttpServerTest, DropsAStreamThatNobodyReads) {
    serve({.stream_waiting = 1024U * 1024, .write_time = milliseconds(100)});
    Client client(path_);
    client.send(get("/stream"));
    const auto sink = handler_.take_sink();
    const std::string event(100'000, 'x');
    size_t taken = 0;
    while (sink->write(event)) {
        taken += event.size();
        ASSERT_LT(taken, 64U * 1024 * 1024);
    }
    EXPECT_LE(sink->waiting(), 1024U * 1024);
    EXPECT_TRUE(handler_.saw_closed());
    EXPECT_EQ(server_->counters().timed_out, 1U);
}

TEST_F(HttpServerTest, LimitsStreams) {
    serve({.streams = 1, .streams_kept_for_administrators = 0});
    Client one(path_);
    one.send(get("/stream"));
    const auto first = handler_.take_sink();
    one.read_until("\r\n\r\n");
    Client two(path_);
    two.send(get("/stream"));
    const auto second = handler_.take_sink();
    EXPECT_THAT(two.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 503 "));
    EXPECT_TRUE(handler_.saw_closed());
}

TEST_F(HttpServerTest, EndsWithOpenConnectionsAndLateAnswers) {
    serve();
    Client waiting(path_);
    waiting.send(get("/later"));
    const auto exchange = handler_.take();
    Client idle(path_);
    server_.reset();
    EXPECT_EQ(waiting.read_all(), "");
    exchange->answer({.body = "nobody"});
}

TEST_F(HttpServerTest, TakesTheSocketOfAnEarlierLife) {
    serve();
    server_.reset();
    serve();
    Client client(path_);
    client.send(get("/echo"));
    EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
    const auto second = listen_unix(path_, 0600);
    ASSERT_FALSE(second) << "somebody listens there";
    EXPECT_THAT(second.error().message, testing::HasSubstr(path_));
    Client still(path_);
    still.send(get("/echo"));
    EXPECT_THAT(still.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
    EXPECT_FALSE(listen_unix("/tmp/" + std::string(200, 'x'), 0600));
    EXPECT_FALSE(listen_tcp("localhost:80"));
    EXPECT_FALSE(listen_tcp("127.0.0.1:99999"));
    EXPECT_FALSE(listen_tcp("[::1:80"));
}

TEST(Listen, SaysWhatToDoWhereItCannot) {
    const UniqueFd taken = *listen_tcp("127.0.0.1:0");
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    // SAFETY: the address types of the socket API are made for this cast.
    ASSERT_EQ(::getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    const auto again = listen_tcp("127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().hint, testing::HasSubstr("ss -ltnp"));
    const auto nowhere = listen_unix("/no/such/folder/hvisd.sock", 0600);
    ASSERT_FALSE(nowhere);
    EXPECT_THAT(nowhere.error().hint, testing::HasSubstr("make the directory"));
}

/// A certificate of its own for the test.
void write_certificate(const std::string& path, long serial) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    std::FILE* file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, certificate.get());
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
}

/// A TLS connection to a server on this host.
class TlsClient {
public:
    TlsClient(const sockaddr_storage& address, socklen_t size)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        SSL_set_fd(tls_.get(), socket_.get());
        EXPECT_EQ(SSL_connect(tls_.get()), 1);
    }
    SSL* get() { return tls_.get(); }
    [[nodiscard]] long serial() const {
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(
            SSL_get1_peer_certificate(tls_.get()), X509_free);
        return certificate ? ASN1_INTEGER_get(X509_get_serialNumber(certificate.get())) : -1;
    }

private:
    UniqueFd socket_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_client_method()),
                                                               SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&SSL_free)> tls_{SSL_new(context_.get()), SSL_free};
};

class HttpsTest : public HttpServerTest {
protected:
    explicit HttpsTest(HttpLimits limits = {}) {
        write_certificate(pem_, 1);
        UniqueFd listener = *listen_tcp("127.0.0.1:0");
        EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address_), &size_), 0);
        HttpServerConfig config;
        config.listeners.push_back({.socket = std::move(listener), .tls = true});
        config.certificate = pem_;
        config.key = pem_;
        config.limits = limits;
        auto started = HttpServer::start(std::move(config), handler_);
        EXPECT_TRUE(started) << started.error().message;
        server_ = *std::move(started);
    }

    std::string pem_ = directory_ + "/tls.pem";
    sockaddr_storage address_{};
    socklen_t size_ = sizeof(address_);
};

TEST_F(HttpsTest, SpeaksTls) {
    TlsClient client(address_, size_);
    const std::string request = post("/echo", "secret", "Connection: close\r\n");
    ASSERT_EQ(SSL_write(client.get(), request.data(), static_cast<int>(request.size())),
              static_cast<int>(request.size()));
    std::string answer;
    std::array<char, 4096> buffer{};
    int bytes = 0;
    while ((bytes = SSL_read(client.get(), buffer.data(), buffer.size())) > 0) {
        answer.append(buffer.data(), static_cast<size_t>(bytes));
    }
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(answer, testing::EndsWith("secret"));
    EXPECT_EQ(SSL_get_error(client.get(), bytes), SSL_ERROR_ZERO_RETURN) << "no close_notify";
    EXPECT_FALSE(handler_.peer) << "a TCP client has no user";
}

class HttpsImpatientTest : public HttpsTest {
protected:
    HttpsImpatientTest() : HttpsTest({.request_time = milliseconds(100)}) {}
};

TEST_F(HttpsImpatientTest, TellsASlowClientSo) {
    TlsClient client(address_, size_);
    const std::string half = "GET /echo HT";
    ASSERT_GT(SSL_write(client.get(), half.data(), static_cast<int>(half.size())), 0);
    std::array<char, 4096> buffer{};
    const int bytes = SSL_read(client.get(), buffer.data(), buffer.size());
    ASSERT_GT(bytes, 0);
    EXPECT_THAT(std::string(buffer.data(), static_cast<size_t>(bytes)),
                StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpsTest, TakesANewCertificateWithoutAnEnd) {
    TlsClient before(address_, size_);
    EXPECT_EQ(before.serial(), 1);
    std::filesystem::remove(pem_);
    EXPECT_FALSE(server_->reload_tls());
    EXPECT_EQ(TlsClient(address_, size_).serial(), 1) << "the old one is better than none";
    write_certificate(pem_, 2);
    EXPECT_TRUE(server_->reload_tls());
    EXPECT_EQ(TlsClient(address_, size_).serial(), 2);
    const std::string request = post("/echo", "still there", "Connection: close\r\n");
    ASSERT_GT(SSL_write(before.get(), request.data(), static_cast<int>(request.size())), 0);
    std::array<char, 4096> buffer{};
    EXPECT_GT(SSL_read(before.get(), buffer.data(), buffer.size()), 0);
}

TEST_F(HttpServerTest, SaysWhichCertificateIsBad) {
    HttpServerConfig config;
    config.listeners.push_back({.socket = *listen_tcp("127.0.0.1:0"), .tls = true});
    config.certificate = directory_ + "/none.pem";
    config.key = config.certificate;
    const auto started = HttpServer::start(std::move(config), handler_);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message, HasSubstr("none.pem"));
}

}  // namespace
}  // namespace hvis::manager
