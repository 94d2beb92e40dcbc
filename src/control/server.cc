#include "control/server.h"

#include <list>

#include <sys/epoll.h>

#include "base/log.h"
#include "control/connection.h"
#include "control/listener.h"

namespace hvis::control {
namespace {

/// Rest after accept failed, which it does again at once while descriptors are short.
constexpr auto kAcceptRest = std::chrono::seconds(1);

}  // namespace

struct Server::State {
    State(loop::Loop& loop, EventLog& events, Listener&& socket, HelloInfo hello, Handler handler)
        : context{.loop = loop,
                  .events = events,
                  .hello = std::move(hello),
                  .handler = std::move(handler),
                  .status = {},
                  .on_broken = [this] { schedule_reap(); }},
          listener(std::move(socket)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    State(State&&) = delete;
    State& operator=(State&&) = delete;
    ~State() {
        clients.clear();  // first: what this cancels may still schedule something
        context.loop.unwatch(listener.fd());
        context.loop.cancel_timer(reap_timer);
        context.loop.cancel_timer(rest_timer);
    }

    Result<void> watch() {
        return context.loop.watch(listener.fd(), EPOLLIN, [this](uint32_t) { accept_clients(); });
    }

    void accept_clients() {
        while (true) {
            auto client = listener.accept();
            if (!client) {
                rest(client.error());
                return;
            }
            if (!*client) {
                return;
            }
            const auto added = add(std::move(*client));
            if (!added && log_limit.allow(loop::Loop::now())) {
                log(LogLevel::kWarning, "control", added.error().what);
            }
        }
    }

    void rest(const Error& error) {
        log(LogLevel::kError, "control", error.what);
        context.loop.unwatch(listener.fd());
        rest_timer = context.loop.add_timer(loop::Loop::now() + kAcceptRest, [this] {
            if (const auto watched = watch(); !watched) {
                log(LogLevel::kError, "control", watched.error().what);
            }
        });
    }

    Result<void> add(UniqueFd client) {
        if (clients.size() == kMaxClients) {
            return fail(Errc::kLimit, "turned away a client: there are too many");
        }
        clients.push_back(std::make_unique<Connection>(context, std::move(client)));
        if (const auto started = clients.back()->start(); !started) {
            clients.pop_back();
            return std::unexpected(started.error());
        }
        return {};
    }

    /// Broken connections go when nothing of theirs is on the stack any more.
    void schedule_reap() {
        if (reap_timer == 0) {
            reap_timer = context.loop.add_timer(loop::Loop::now(), [this] {
                reap_timer = 0;
                std::erase_if(clients, [](const auto& client) { return client->broken(); });
            });
        }
    }

    ConnectionContext context;
    LogLimit log_limit;
    Listener listener;
    loop::Loop::TimerId reap_timer = 0;
    loop::Loop::TimerId rest_timer = 0;
    std::list<std::unique_ptr<Connection>> clients;
};

Result<std::unique_ptr<Server>> Server::listen(loop::Loop& loop, EventLog& events,
                                               const std::string& path, HelloInfo hello,
                                               Handler handler) {
    auto listener = HVIS_TRY(Listener::create(path));
    auto state = std::make_unique<State>(loop, events, std::move(listener), std::move(hello),
                                         std::move(handler));
    HVIS_CHECK(state->watch());
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;

Result<void> Server::adopt(UniqueFd client) { return state_->add(std::move(client)); }

void Server::publish_status(std::function<StatusResult()> source) {
    state_->context.status = std::move(source);
}

void Server::status_changed() {
    for (const auto& client : state_->clients) {
        client->status_changed();
    }
}

void Server::flush_status() {
    for (const auto& client : state_->clients) {
        client->flush_status();
    }
}

size_t Server::client_count() const { return state_->clients.size(); }

}  // namespace hvis::control
