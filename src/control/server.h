#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/commands.h"
#include "control/event_log.h"
#include "control/failure.h"
#include "control/notices.h"
#include "control/results.h"
#include "loop/loop.h"

namespace hvis::control {

struct PendingRequest;

/// The one chance to answer one request, now or later. Movable. Loop thread only; may outlive the
/// client and the server, answers then go nowhere. Destroyed without an answer, it answers that
/// the request was dropped, so that no client waits in vain.
class Responder {
public:
    explicit Responder(std::shared_ptr<PendingRequest> request) : request_(std::move(request)) {}
    Responder(Responder&&) noexcept = default;
    Responder& operator=(Responder&& other) noexcept;
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;
    ~Responder();

    /// The first of these counts; what comes later is ignored.
    void done(const CommandResult& result = {});
    void failed(const Failure& failure);

    /// Something to tell before the request ends; nothing once it has. Where the request is one
    /// that stays outstanding.
    void tell(const Notice& notice);

    /// `callback` runs once if the request is cancelled, by the client's wish or because it has
    /// gone, before it was answered. The answer has been given by then: only stop working on it.
    void on_cancelled(std::function<void()> callback);
    /// False once answered or cancelled.
    [[nodiscard]] bool wanted() const;

private:
    std::shared_ptr<PendingRequest> request_;
};

/// What the server says about itself in its hello.
struct HelloInfo {
    std::string program = "hvis-vm";
    std::string version;
    std::string name;  ///< of the VM
    std::string id;    ///< of the VM
    std::string run;   ///< made up at random for each process: sequence numbers of events are its
};

/// The worker's end of its control socket: docs/control-protocol.md. Answers events.*,
/// status.subscribe, cancel and everything that is malformed by itself; hands the rest to the
/// handler, checked.
///
/// Loop thread only, and never blocks it: a client that does not read is dropped.
class Server {
public:
    static constexpr size_t kMaxClients = 32;
    static constexpr size_t kMaxOutstanding = 64;
    static constexpr size_t kMaxQueuedPackets = 256;
    static constexpr size_t kMaxQueuedBytes = size_t{8} * 1024 * 1024;

    /// Called for each request; it may answer at once, or keep the responder and answer later.
    using Handler = std::function<void(const Command& command, Responder responder)>;

    /// Listens on `path` with mode 0600. A socket that nobody listens on any more is replaced;
    /// where a live worker answers, or something else is in the way, it fails (kState). `loop`
    /// and `events` must outlive the server.
    static Result<std::unique_ptr<Server>> listen(loop::Loop& loop, EventLog& events,
                                                  const std::string& path, HelloInfo hello,
                                                  Handler handler);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    /// Cancels what is outstanding, closes the clients and removes the socket.
    ~Server();

    /// Serves a socket that is connected already (tests; a socket handed over by hvisd).
    Result<void> adopt(UniqueFd client);
    [[nodiscard]] size_t client_count() const;

    /// Where the statuses of status.subscribe come from; without it that verb fails.
    void publish_status(std::function<StatusResult()> source);
    /// The status may have changed: subscribers hear of it, but not from within this call.
    void status_changed();
    /// Sends each subscriber the status that it is due; before the process ends.
    void flush_status();

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace hvis::control
