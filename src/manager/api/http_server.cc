#include "manager/api/http_server.h"

#include <array>
#include <cerrno>
#include <thread>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/log.h"
#include "manager/api/http_session.h"

namespace hvis::manager {
namespace {

constexpr auto kRetryAfter = std::chrono::milliseconds(20);
/// How long the listeners rest when the process has no descriptor left.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
/// Supplementary groups of a peer that are looked at.
constexpr size_t kMaxGroups = 1024;

std::optional<PeerCredentials> credentials_of(int socket) {
    int domain = 0;
    socklen_t size = sizeof(domain);
    if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) {
        return std::nullopt;
    }
    ucred peer{};
    size = sizeof(peer);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return std::nullopt;
    }
    PeerCredentials credentials{.user = peer.uid, .groups = {}};
    std::vector<gid_t> groups(kMaxGroups);
    size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
        groups.resize(size / sizeof(gid_t));
        credentials.groups = std::move(groups);
    }
    credentials.groups.push_back(peer.gid);
    return credentials;
}

/// PEM files.
struct TlsFiles {
    std::string certificate;
    std::string key;
};

Result<asio::ssl::context, Failure> load_tls(const TlsFiles& files) {
    asio::ssl::context tls(asio::ssl::context::tls_server);
    beast::error_code error;
    // TLS 1.2 with the library's own modern defaults, 1.3 where the client has it.
    SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_options(tls.native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    tls.use_certificate_chain_file(files.certificate, error);
    std::string file = files.certificate;
    if (!error) {
        file = files.key;
        tls.use_private_key_file(files.key, asio::ssl::context::pem, error);
    }
    if (error) {
        return std::unexpected(control::make_failure(
            control::ErrorCode::kFailed, fmt::format("TLS: {}: {}", file, error.message()),
            "the certificate and its key are PEM files that belong together"));
    }
    return tls;
}

class BeastServer final : public HttpServer {
public:
    BeastServer(HttpServerConfig config, HttpHandler& handler)
        : shared_(std::make_shared<HttpShared>()), work_(asio::make_work_guard(shared_->context)) {
        shared_->limits = config.limits;
        shared_->handler = &handler;
        handler.attach(*this);
        for (HttpListener& listener : config.listeners) {
            listeners_.push_back(std::make_unique<Listener>(
                shared_->context, listener.socket.release(), listener.tls));
        }
    }
    ~BeastServer() override {
        shared_->context.stop();
        if (thread_.joinable()) {
            thread_.join();
        }
        // What is still queued holds sessions, and those hold `shared_`: this lets go of them.
        listeners_.clear();
        work_.reset();
        shared_->handler = &nobody_;
        drop_queue();
    }

    /// Before run().
    Result<void, Failure> use(TlsFiles files) {
        shared_->tls = HVIS_TRY(load_tls(files));
        tls_files_ = std::move(files);
        return {};
    }

    void run() {
        for (auto& listener : listeners_) {
            await(*listener);
        }
        thread_ = std::thread([this] {
            ::pthread_setname_np(::pthread_self(), "http");
            shared_->context.run();
        });
    }

    [[nodiscard]] const HttpCounters& counters() const override { return shared_->counters; }
    void post(std::function<void()> work) override {
        asio::post(shared_->context, std::move(work));
    }
    void retry(std::function<bool()> attempt) override {
        asio::post(shared_->context, [this, attempt = std::move(attempt)]() mutable {
            if (!attempt()) {
                retry_later(std::move(attempt));
            }
        });
    }

    Result<void, Failure> reload_tls() override {
        if (!tls_files_) {
            return {};
        }
        // Connections that are open keep what they began with.
        auto tls = std::make_shared<asio::ssl::context>(HVIS_TRY(load_tls(*tls_files_)));
        post([this, tls = std::move(tls)] { shared_->tls = std::move(*tls); });
        return {};
    }

private:
    struct Listener {
        Listener(asio::io_context& context, int fd, bool is_tls)
            : socket(context, fd), pause(context), tls(is_tls) {}
        asio::posix::stream_descriptor socket;
        asio::steady_timer pause;
        bool tls;
    };
    /// Answers what comes in after the end.
    class Nobody final : public HttpHandler {
        void attach(HttpServer&) override {}
        std::optional<HttpResponse> refuse(const HttpRequest&) override { return HttpResponse{}; }
        void handle(HttpRequest, std::shared_ptr<Exchange>) override {}
        bool is_administrator(const PeerCredentials&) override { return false; }
    };

    void drop_queue() {
        // Destroying an io_context destroys its handlers; sessions in them keep `shared_` alive,
        // so the context is emptied by hand: all sockets are closed and their handlers run.
        shared_->context.restart();
        for (auto& [key, end] : sessions_) {
            end();
        }
        sessions_.clear();
        shared_->context.poll();
    }

    void retry_later(std::function<bool()> attempt) {
        const auto timer = std::make_shared<asio::steady_timer>(shared_->context, kRetryAfter);
        timer->async_wait(
            [this, timer, attempt = std::move(attempt)](beast::error_code error) mutable {
                if (!error && !attempt()) {
                    retry_later(std::move(attempt));
                }
            });
    }

    void await(Listener& listener) {
        listener.socket.async_wait(asio::posix::descriptor_base::wait_read,
                                   [this, &listener](beast::error_code error) {
                                       if (!error) {
                                           accept_all(listener);
                                       }
                                   });
    }

    void accept_all(Listener& listener) {
        for (size_t count = 0; count < shared_->limits.connections; ++count) {
            const int fd = ::accept4(listener.socket.native_handle(), nullptr, nullptr,
                                     SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd >= 0) {
                admit(listener, UniqueFd(fd));
                continue;
            }
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                log(LogLevel::kWarning, "api", "no descriptor is left for a new connection");
                listener.pause.expires_after(kAcceptPause);
                listener.pause.async_wait([this, &listener](beast::error_code error) {
                    if (!error) {
                        await(listener);
                    }
                });
                return;
            }
            if (errno == EAGAIN) {
                break;
            }
        }
        await(listener);
    }

    void admit(const Listener& listener, UniqueFd socket) {
        ++shared_->counters.accepted;
        auto peer = credentials_of(socket.get());
        const Reach reach = !peer                                       ? Reach::kRemote
                            : shared_->handler->is_administrator(*peer) ? Reach::kAdministrator
                                                                        : Reach::kLocal;
        if (!shared_->has_room(reach)) {
            ++shared_->counters.turned_away;
            turn_away(listener, socket.get());
            return;
        }
        // The family does not matter to a connected socket; a closed one still belongs to us.
        PlainStream stream(asio::generic::stream_protocol::socket(
            shared_->context, asio::generic::stream_protocol(AF_UNIX, 0), socket.release()));
        if (listener.tls) {
            start(std::make_shared<HttpSession<TlsStream>>(
                shared_, TlsStream(std::move(stream), *shared_->tls), std::move(peer), reach));
        } else {
            start(std::make_shared<HttpSession<PlainStream>>(shared_, std::move(stream),
                                                             std::move(peer), reach));
        }
    }

    template <class Session>
    void start(std::shared_ptr<Session> session) {
        std::erase_if(sessions_, [](const auto& known) { return known.first.expired(); });
        sessions_.emplace_back(session, [weak = std::weak_ptr(session)] {
            if (const auto self = weak.lock()) {
                self->end();
            }
        });
        session->begin();
    }

    /// Words that fit any socket's buffer; what does not is not worth waiting for.
    static void turn_away(const Listener& listener, int socket) {
        if (listener.tls) {
            return;
        }
        const HttpResponse response = problem(
            503, control::make_failure(control::ErrorCode::kUnavailable,
                                       "too many connections are open", "try again in a moment"));
        const std::string text = fmt::format(
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
            "Content-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
            response.content_type, response.body.size(), response.body);
        [[maybe_unused]] const ssize_t sent =
            ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    std::shared_ptr<HttpShared> shared_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<std::pair<std::weak_ptr<void>, std::function<void()>>> sessions_;
    Nobody nobody_;
    std::optional<TlsFiles> tls_files_;  ///< manager thread
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>, Failure> HttpServer::start(HttpServerConfig config,
                                                               HttpHandler& handler) {
    bool tls = false;
    for (const HttpListener& listener : config.listeners) {
        tls = tls || listener.tls;
    }
    TlsFiles files{.certificate = config.certificate, .key = config.key};
    auto server = std::make_unique<BeastServer>(std::move(config), handler);
    if (tls) {
        HVIS_CHECK(server->use(std::move(files)));
    }
    server->run();
    return server;
}

}  // namespace hvis::manager
