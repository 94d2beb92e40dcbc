#include "control/server.h"

#include <array>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "control/fake_worker.h"

namespace hvis::control {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// A client that sends whatever a test wants.
class RawClient {
public:
    explicit RawClient(FakeWorker& worker) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        socket_.reset(ends[0]);
        worker.on_loop([&] { EXPECT_TRUE(worker.server().adopt(UniqueFd(ends[1]))); });
    }

    void send(std::string_view text) const { EXPECT_TRUE(try_send(text)); }
    /// False once the server has hung up.
    [[nodiscard]] bool try_send(std::string_view text) const {
        const auto sent = send_packet(socket_.get(), text);
        return sent && *sent;
    }
    void send_giant() const {
        const std::string giant(kMaxPacketBytes + 1, ' ');
        EXPECT_GT(::send(socket_.get(), giant.data(), giant.size(), 0), 0);
    }
    /// The next packet, or "closed".
    [[nodiscard]] std::string receive() const {
        Packet packet;
        pollfd wanted{.fd = socket_.get(), .events = POLLIN, .revents = 0};
        EXPECT_EQ(::poll(&wanted, 1, 20'000), 1);
        const auto status = receive_packet(socket_.get(), packet);
        return status && *status == ReceiveStatus::kPacket ? packet.text : "closed";
    }
    /// Past the hellos.
    [[nodiscard]] const RawClient& greeted() const {
        EXPECT_THAT(receive(), StartsWith("{\"hello\":"));
        send(R"({"hello":{"protocol":1}})");
        return *this;
    }

private:
    UniqueFd socket_;
};

void answer_at_once(const Command&, Responder responder) { responder.done(); }

constexpr uint64_t kNoSuchRequest = 4711;

/// Keeps what it is asked for a test to answer; used on the loop's thread only.
struct Keeper {
    std::vector<Responder> kept;
    int cancelled = 0;

    void operator()(Responder responder) {
        responder.on_cancelled([this] { ++cancelled; });
        kept.push_back(std::move(responder));
    }
};

TEST(Server, TellsBeforeTheEndOfARequestAndNothingAfterIt) {
    Keeper keeper;
    FakeWorker worker([&](const Command&, Responder responder) { keeper(std::move(responder)); });
    Client client = worker.connect();
    const auto id = client.start(KvpWatchCommand{}, soon());
    ASSERT_TRUE(id);
    const auto tell = [&](const Notice& notice) {
        worker.on_loop([&] { keeper.kept.at(0).tell(notice); });
    };
    // Packets are taken in order: once this is refused, the watch has arrived.
    EXPECT_FALSE(client.call(CancelCommand{kNoSuchRequest}, soon()));
    tell(WatchingNotice{.pool = Pool::kGuest, .pairs = 2});
    tell(KvpChangeNotice{.pool = Pool::kGuest, .key = "k", .value = "v"});
    tell(KvpChangeNotice{.pool = Pool::kGuest, .key = "k", .value = {}});
    const auto next = [&] {
        auto told = **client.next_notice(*id, soon());
        told.erase("id");
        return dump_json(told);
    };
    EXPECT_EQ(next(), R"({"watching":{"pairs":2,"pool":"guest"}})");
    EXPECT_EQ(next(), R"({"change":{"key":"k","pool":"guest","value":"v"}})");
    EXPECT_EQ(next(), R"({"change":{"key":"k","pool":"guest"}})");
    const auto ended = client.call(CancelCommand{*id}, soon());
    EXPECT_TRUE(ended);
    worker.on_loop([&] { EXPECT_EQ(keeper.cancelled, 1) << "told in the turn that answers"; });
    tell(KvpChangeNotice{.pool = Pool::kGuest, .key = "late", .value = {}});
    EXPECT_EQ(client.next_notice(*id, std::chrono::steady_clock::now())->get(), nullptr);
}

TEST(Server, AnswersNowAndLaterInAnyOrder) {
    Keeper keeper;
    FakeWorker worker([&](const Command&, Responder responder) { keeper(std::move(responder)); });
    const RawClient client(worker);
    (void)client.greeted();
    client.send(R"({"id":1,"verb":"status"})");
    client.send(R"({"id":2,"verb":"stats","args":{}})");
    client.send(R"({"id":3,"verb":"cancel","args":{"id":99}})");
    EXPECT_THAT(client.receive(), HasSubstr(R"("code":"not_found")"));
    worker.on_loop([&] {
        keeper.kept[1].failed(make_failure(ErrorCode::kTimedOut, "too late"));
        keeper.kept[0].done();
        keeper.kept[0].done();
        keeper.kept[0].failed(make_failure(ErrorCode::kFailed, "again"));
    });
    EXPECT_EQ(client.receive(),
              R"({"error":{"code":"timed_out","hint":"","message":"too late"},"id":2})");
    EXPECT_EQ(client.receive(), R"({"id":1,"result":{}})");
    client.send(R"({"id":1,"verb":"cancel","args":{"id":1}})");
    EXPECT_THAT(client.receive(), HasSubstr("no such request"));
}

TEST(Server, AnswersForAHandlerThatForgets) {
    FakeWorker worker([](const Command&, const Responder&) {});
    Client client = worker.connect();
    const auto result = client.call(StatusCommand{}, soon());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "the worker dropped the request");
}

TEST(Server, SaysInItsHelloWhichRunItIs) {
    FakeWorker worker(answer_at_once);
    EXPECT_THAT(RawClient(worker).receive(), HasSubstr(R"("run":"a-run")"));
}

TEST(Server, PushesTheStatusToThoseWhoSubscribed) {
    FakeWorker worker(answer_at_once);
    Client watcher = worker.connect();
    const auto too_early = watcher.call(StatusSubscribeCommand{}, soon());
    ASSERT_FALSE(too_early);
    EXPECT_EQ(too_early.error().message, "there is no status to subscribe to");

    StatusResult status;
    status.state = "running";
    worker.on_loop([&] { worker.server().publish_status([&] { return status; }); });
    ASSERT_TRUE(watcher.call(StatusSubscribeCommand{}, soon()));
    EXPECT_EQ((*watcher.next_status(soon()))->at("state"), "running");
    const auto again = watcher.call(StatusSubscribeCommand{}, soon());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message, "this connection has subscribed already");

    worker.on_loop([&] {
        status.state = "stopped";
        worker.server().status_changed();
        worker.server().flush_status();
    });
    EXPECT_EQ((*watcher.next_status(soon()))->at("state"), "stopped");
}

TEST(Server, DropsASubscriberThatReadsNoStatus) {
    FakeWorker worker(answer_at_once);
    StatusResult status;
    status.state = "running";
    const RawClient client(worker);
    (void)client.greeted();
    worker.on_loop([&] { worker.server().publish_status([&] { return status; }); });
    client.send(R"({"id":1,"verb":"status.subscribe"})");
    EXPECT_EQ(client.receive(), R"({"id":1,"result":{}})");
    // Far more than the socket's buffer and the queue hold.
    size_t clients = 1;
    for (int count = 0; count < 5'000 && clients != 0; ++count) {
        worker.on_loop([&] {
            status.memory = static_cast<uint64_t>(count);
            worker.server().status_changed();
            worker.server().flush_status();
            clients = worker.server().client_count();
        });
    }
    EXPECT_EQ(clients, 0U);
}

TEST(Server, CancelsOnRequest) {
    Keeper keeper;
    FakeWorker worker([&](const Command&, Responder responder) { keeper(std::move(responder)); });
    const RawClient client(worker);
    (void)client.greeted();
    client.send(R"({"id":1,"verb":"restart"})");
    client.send(R"({"id":2,"verb":"cancel","args":{"id":1}})");
    EXPECT_THAT(client.receive(), HasSubstr(R"("outcome":"cancelled"},"id":1)"));
    EXPECT_EQ(client.receive(), R"({"id":2,"result":{}})");
    worker.on_loop([&] {
        EXPECT_EQ(keeper.cancelled, 1);
        EXPECT_FALSE(keeper.kept[0].wanted());
        keeper.kept[0].done();
    });
}

TEST(Server, CancelsWhatAClientLeavesBehind) {
    Keeper keeper;
    FakeWorker worker([&](const Command&, Responder responder) { keeper(std::move(responder)); });
    {
        const RawClient client(worker);
        (void)client.greeted();
        client.send(R"({"id":1,"verb":"status"})");
        client.send(R"({"id":2,"verb":"events.list"})");
        (void)client.receive();
    }
    bool gone = false;
    while (!gone) {
        worker.on_loop([&] { gone = worker.server().client_count() == 0; });
    }
    worker.on_loop([&] {
        EXPECT_EQ(keeper.cancelled, 1);
        keeper.kept.clear();
    });
}

TEST(Server, CancelsWhatIsOutstandingWhenItGoes) {
    Keeper keeper;
    {
        FakeWorker worker(
            [&](const Command&, Responder responder) { keeper(std::move(responder)); });
        const RawClient client(worker);
        (void)client.greeted();
        client.send(R"({"id":1,"verb":"status"})");
        client.send(R"({"id":2,"verb":"events.list"})");
        (void)client.receive();
    }
    EXPECT_EQ(keeper.cancelled, 1);
    keeper.kept[0].done();
}

TEST(Server, GoesOnAfterWhatIsNotARequest) {
    FakeWorker worker(answer_at_once);
    const RawClient client(worker);
    (void)client.greeted();
    for (const std::string& bad :
         {std::string("garbage"), std::string("[]"), std::string("{}"), std::string("\0\0", 2),
          std::string(R"({"id":0,"verb":"status"})"), std::string(R"({"id":-1,"verb":"status"})"),
          std::string(R"({"id":9007199254740992,"verb":"status"})"),
          std::string(R"({"id":"1","verb":"status"})"), std::string(kMaxPacketBytes, '['),
          std::string(R"({"verb":"status"})")}) {
        client.send(bad);
        const std::string answer = client.receive();
        EXPECT_THAT(answer, HasSubstr(R"("id":0)")) << bad.substr(0, 60);
        EXPECT_THAT(answer, HasSubstr(R"("code":"usage")"));
    }
    client.send(R"({"id":1,"verb":"status","extra":1})");
    EXPECT_THAT(client.receive(), HasSubstr(R"("pointer":"/extra"},"id":1)"));
    client.send(R"({"id":2,"verb":"fly"})");
    EXPECT_THAT(client.receive(), HasSubstr(R"("message":"no such verb"},"id":2)"));
    client.send(R"({"id":3,"verb":"status","args":[]})");
    EXPECT_THAT(client.receive(), HasSubstr(R"("pointer":"/args"},"id":3)"));
    client.send(R"({"id":4,"verb":"status"})");
    EXPECT_EQ(client.receive(), R"({"id":4,"result":{}})");
}

TEST(Server, HangsUpOnGiantsAndOnThoseWhoDoNotGreet) {
    FakeWorker worker(answer_at_once);
    const RawClient giant(worker);
    (void)giant.greeted().send_giant();
    EXPECT_EQ(giant.receive(), "closed");
    for (const std::string_view rude :
         {R"({"id":1,"verb":"status"})", R"({"hello":{"protocol":2}})", R"({"hello":{}})", "x"}) {
        const RawClient client(worker);
        (void)client.receive();
        client.send(rude);
        EXPECT_THAT(client.receive(), HasSubstr(R"("id":0)")) << rude;
        EXPECT_EQ(client.receive(), "closed");
    }
}

TEST(Server, RefusesTheSameIdTwiceAndTooManyRequests) {
    Keeper keeper;
    FakeWorker worker([&](const Command&, Responder responder) { keeper(std::move(responder)); });
    const RawClient client(worker);
    (void)client.greeted();
    for (size_t id = 1; id <= Server::kMaxOutstanding; ++id) {
        client.send(R"({"id":)" + std::to_string(id) + R"(,"verb":"status"})");
    }
    client.send(R"({"id":1,"verb":"status"})");
    EXPECT_THAT(client.receive(), HasSubstr("is outstanding"));
    client.send(R"({"id":1000,"verb":"status"})");
    EXPECT_THAT(client.receive(), HasSubstr("too many requests"));
    worker.on_loop([&] { keeper.kept.clear(); });
}

TEST(Server, DropsAClientThatDoesNotRead) {
    FakeWorker worker([](const Command&, Responder responder) {
        responder.done(KvpResult{.pool = Pool::kGuest,
                                 .pairs = {{.key = "k", .value = std::string(60'000, 'v')}}});
    });
    const RawClient slow(worker);
    (void)slow.greeted();
    Client patient = worker.connect();
    size_t clients = 2;
    for (int id = 1; id <= 1000 && clients == 2; ++id) {
        // The last of these may come after the server has hung up, but before it says so.
        (void)slow.try_send(R"({"id":)" + std::to_string(id) + R"(,"verb":"kvp.list"})");
        worker.on_loop([&] { clients = worker.server().client_count(); });
    }
    EXPECT_EQ(clients, 1U);
    EXPECT_TRUE(patient.call(KvpListCommand{}, soon()));
}

TEST(Server, PushesKeptEventsThenNewOnes) {
    FakeWorker worker(answer_at_once);
    constexpr uint64_t kKept = 1000;  // more than a socket holds
    worker.on_loop([&] {
        for (uint64_t count = 0; count < kKept; ++count) {
            worker.events().record(EventId::kVmPaused, {}, {});
        }
    });
    Client client = worker.connect();
    const auto subscribed = client.call(EventsSubscribeCommand{.since = 3}, soon());
    ASSERT_TRUE(subscribed);
    EXPECT_EQ((*subscribed)->at("next"), 3);
    worker.on_loop([&] { worker.events().record(EventId::kVmResumed, {}, {}); });
    for (uint64_t sequence = 3; sequence <= kKept + 1; ++sequence) {
        const auto event = client.next_event(soon());
        ASSERT_TRUE(event);
        ASSERT_NE(*event, nullptr);
        ASSERT_EQ((*event)->at("sequence"), sequence);
    }
    EXPECT_EQ(client.call(EventsSubscribeCommand{}, soon()).error().code, ErrorCode::kFailed);
}

TEST(Server, DropsASubscriberThatFallsTooFarBehind) {
    FakeWorker worker(answer_at_once);
    Client client = worker.connect();
    ASSERT_TRUE(client.call(EventsSubscribeCommand{}, soon()));
    worker.on_loop([&] {
        for (size_t count = 0; count < 2 * EventLog::kCapacity; ++count) {
            worker.events().record(EventId::kVmPaused, {}, {});
        }
    });
    auto event = client.next_event(soon());
    while (event) {
        ASSERT_NE(*event, nullptr);
        event = client.next_event(soon());
    }
    EXPECT_EQ(event.error().outcome, Client::kHungUp);
}

TEST(Server, ListsEventsAndSaysWhereToGoOn) {
    FakeWorker worker(answer_at_once);
    worker.on_loop([&] {
        for (int count = 0; count < 5; ++count) {
            worker.events().record(EventId::kVmPaused, {}, {});
        }
    });
    Client client = worker.connect();
    const auto first = client.call(EventsListCommand{.since = 2, .limit = 2}, soon());
    ASSERT_TRUE(first);
    EXPECT_EQ((*first)->at("events").size(), 2U);
    EXPECT_EQ((*first)->at("next"), 4);
    const auto rest = client.call(EventsListCommand{.since = 4}, soon());
    ASSERT_TRUE(rest);
    EXPECT_EQ((*rest)->at("events").size(), 2U);
    EXPECT_EQ((*rest)->at("next"), 6);
}

TEST(Server, TurnsAwayClientsBeyondItsLimit) {
    FakeWorker worker(answer_at_once);
    std::vector<Client> clients;
    for (size_t count = 0; count < Server::kMaxClients; ++count) {
        clients.push_back(worker.connect());
    }
    EXPECT_FALSE(Client::connect(worker.path(), soon()));
    clients.pop_back();
    bool room = false;
    while (!room) {
        worker.on_loop([&] { room = worker.server().client_count() < Server::kMaxClients; });
    }
    EXPECT_TRUE(Client::connect(worker.path(), soon()));
}

TEST(ServerSocket, IsForItsOwnerOnlyAndGoesWithTheServer) {
    std::string path;
    {
        const FakeWorker worker(answer_at_once);
        path = worker.path();
        struct stat status{};
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ServerSocket, IsNotTakenFromALiveWorker) {
    const FakeWorker worker(answer_at_once);
    const auto loop = *loop::Loop::create();
    EventLog events;
    const auto second = Server::listen(*loop, events, worker.path(), {}, answer_at_once);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::kState);
    (void)worker.connect();
}

TEST(ServerSocket, ReplacesAStaleSocketButNothingElse) {
    std::string directory = testing::TempDir() + "hvis-stale-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    const std::string path = directory + "/control.sock";
    const auto loop = *loop::Loop::create();
    EventLog events;
    {
        auto first = Server::listen(*loop, events, path, {}, answer_at_once);
        ASSERT_TRUE(first);
        std::filesystem::rename(path, path + ".old");  // what a killed worker leaves
    }
    std::filesystem::rename(path + ".old", path);
    EXPECT_TRUE(Server::listen(*loop, events, path, {}, answer_at_once));
    std::ofstream(path) << "precious";
    const auto blocked = Server::listen(*loop, events, path, {}, answer_at_once);
    ASSERT_FALSE(blocked);
    EXPECT_EQ(blocked.error().code, Errc::kState);
    EXPECT_EQ(Server::listen(*loop, events, std::string(108, 'x'), {}, answer_at_once).error().code,
              Errc::kInvalid);
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace hvis::control
