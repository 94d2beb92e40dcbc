// hvis-vm as it is installed and confined, with a loopback machine: needs no KVM.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/client.h"
#include "program.h"

namespace hvis {
namespace {

namespace fs = std::filesystem;
using control::Json;
using testing::IsEmpty;

TimePoint soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

class LoopbackWorker : public testing::Test {
protected:
    LoopbackWorker() {
        ::setenv("HVIS_LOG_LEVEL", "error", 1);
        EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    }
    ~LoopbackWorker() override {
        worker_.reset();
        guests_.reset();
        fs::remove_all(directory_);
    }

    void start(Json loopback = Json::object()) {
        const Json config = {{"name", "web"},
                             {"memory", "64M"},
                             {"partition", "loopback"},
                             {"loopback", std::move(loopback)},
                             {"control", path("control.sock")},
                             {"last_words", path("words.json")}};
        std::ofstream(path("vm.json")) << config.dump();
        worker_.emplace(std::vector<std::string>{HVIS_VM, path("vm.json")});
        client_.emplace(connect(path("control.sock")));
    }
    /// Tries until the program listens.
    static control::Client connect(const std::string& socket) {
        auto client = control::Client::connect(socket, soon());
        for (const auto deadline = soon(); !client && std::chrono::steady_clock::now() < deadline;
             client = control::Client::connect(socket, soon())) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        EXPECT_TRUE(client) << socket;
        return *std::move(client);
    }
    [[nodiscard]] std::string call(const control::Command& command) {
        const auto result = client_->call(command, soon());
        return result ? "done" : result.error().message;
    }
    void wait_for_heartbeat() {
        EXPECT_EQ(call(control::WaitCommand{.condition = control::Condition::kHeartbeat}), "done");
    }
    void wait_for_kvp() {
        EXPECT_EQ(call(control::WaitCommand{.condition = control::Condition::kKvp}), "done");
    }
    /// The processes that the worker has started.
    [[nodiscard]] std::vector<pid_t> children() const {
        const std::string pid = std::to_string(worker_->pid());
        std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
        return {std::istream_iterator<pid_t>(file), {}};
    }
    [[nodiscard]] Json words() const {
        std::ifstream file(path("words.json"));
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        return Json::parse(text, nullptr, false);
    }
    [[nodiscard]] std::string path(const std::string& name) const {
        return directory_ + "/" + name;
    }

    std::string directory_ = testing::TempDir() + "hvis-worker-XXXXXX";
    std::optional<Program> guests_;
    std::optional<Program> worker_;
    std::optional<control::Client> client_;
};

TEST_F(LoopbackWorker, GivesAddressesToTheAdapterOfItsGuest) {
    start();
    EXPECT_EQ(call(control::WaitCommand{.condition = control::Condition::kIp}), "done");
    control::IpSetCommand set{.adapter = "f8615163-df3e-46c5-913f-f2d2f965ed0e"};
    set.addresses = {"192.0.2.7/24", "192.0.2.8/24", "2001:db8::7/64"};
    EXPECT_EQ(call(set), "done");
    EXPECT_EQ(**client_->call(control::IpShowCommand{}, soon()),
              (Json{{"ipv4", {"192.0.2.7", "192.0.2.8"}}, {"ipv6", {"2001:db8::7"}}}));
    set = {.adapter = set.adapter, .dhcp = true};
    EXPECT_EQ(call(set), "done");
    EXPECT_EQ((*client_->call(control::IpShowCommand{}, soon()))->at("ipv4"), Json({"127.0.0.1"}));
    set.adapter.front() = '0';
    EXPECT_NE(call(set), "done");
}

TEST_F(LoopbackWorker, LeavesWordsOfAConfigurationThatItRefuses) {
    std::ofstream(path("vm.json")) << Json({{"name", "web"},
                                            {"memory", "64M"},
                                            {"partition", "loopback"},
                                            {"colour", "red"},
                                            {"last_words", path("words.json")}})
                                          .dump();
    worker_.emplace(std::vector<std::string>{HVIS_VM, path("vm.json"), "--check"});
    EXPECT_EQ(worker_->wait(), 2);
    EXPECT_FALSE(fs::exists(path("words.json")));
    worker_.emplace(std::vector<std::string>{HVIS_VM, path("vm.json")});
    EXPECT_EQ(worker_->wait(), 2);
    EXPECT_EQ(words().at("state"), "failed");
    EXPECT_EQ(words().at("exit_status"), 2);
    EXPECT_EQ(words().at("reason").get<std::string>().find(path("vm.json") + ": /colour: unknown"),
              0U);
    EXPECT_TRUE(words().at("events").empty());
}

TEST_F(LoopbackWorker, RunsAGuestOfItsOwnThroughResetsAndShutsItDown) {
    start();
    wait_for_heartbeat();
    EXPECT_EQ(children().size(), 1U);
    wait_for_kvp();
    EXPECT_EQ(call(control::KvpSetCommand{.key = "role", .value = "web"}), "done");
    EXPECT_EQ(call(control::MachineCommand{control::MachineCommand::Action::kReset}), "done");
    wait_for_heartbeat();
    wait_for_kvp();
    EXPECT_EQ(call(control::ShutdownCommand{.action = control::ShutdownCommand::Action::kRestart,
                                            .message = {}}),
              "done");
    wait_for_heartbeat();
    wait_for_kvp();
    // The guest's pools went with it: the host tells it anew, but not before it answers.
    const control::KvpGetCommand get{.pool = control::Pool::kExternal, .key = "role"};
    const auto deadline = soon();
    while (call(get) != "done" && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_EQ(call(get), "done");
    const std::string run = client_->hello().at("run");
    EXPECT_EQ(call(control::ShutdownCommand{.message = {}}), "done");
    EXPECT_EQ(worker_->wait(), 0);
    EXPECT_EQ(words().at("run"), run);
    EXPECT_EQ(words().at("state"), "stopped");
    EXPECT_EQ(words().at("events").front().at("name"), "vm_started");
    EXPECT_EQ(words().at("events").back().at("name"), "vm_stopped");
    EXPECT_EQ(words().at("next"), words().at("events").size() + 1);
    EXPECT_FALSE(fs::exists(path("control.sock")));
}

TEST_F(LoopbackWorker, ShutsItsGuestDownWhenItIsToldToLeave) {
    start();
    wait_for_heartbeat();
    worker_->signal(SIGTERM);
    EXPECT_EQ(worker_->wait(), 0);
    EXPECT_EQ(words().at("exit_status"), 0);
}

TEST_F(LoopbackWorker, TakesItsGuestsWithIt) {
    start();
    wait_for_heartbeat();
    const auto guests = children();
    ASSERT_EQ(guests.size(), 1U);
    worker_->signal(SIGKILL);
    EXPECT_EQ(worker_->wait(), -SIGKILL);
    // Adopted by another, it ends on its own; gone, or a zombie that nobody has buried.
    const auto alive = [&] {
        std::ifstream stat("/proc/" + std::to_string(guests.front()) + "/stat");
        const std::string text{std::istreambuf_iterator<char>(stat), {}};
        return !text.empty() && text.find(") Z ") == std::string::npos;
    };
    const auto deadline = soon();
    while (alive() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_FALSE(alive());
    EXPECT_TRUE(words().is_discarded()) << "nothing can be said after SIGKILL";
}

TEST_F(LoopbackWorker, LeavesWordsWhereASignalCutsItShort) {
    start();
    wait_for_heartbeat();
    worker_->signal(SIGQUIT);
    EXPECT_EQ(worker_->wait(), -SIGQUIT);
    EXPECT_EQ(words().at("state"), "failed");
    EXPECT_EQ(words().at("reason"), "signal " + std::to_string(SIGQUIT) + " ended the worker");
    EXPECT_THAT(words().at("events"), IsEmpty());
    EXPECT_GT(words().at("next"), 1);
}

TEST_F(LoopbackWorker, TakesGuestsFromWhereTheyAreServed) {
    guests_.emplace(std::vector<std::string>{HVIS_LOOPBACK_GUEST, "--serve", path("guests.sock")});
    wait_for_listener(path("guests.sock"));
    start({{"socket", path("guests.sock")}});
    wait_for_heartbeat();
    EXPECT_THAT(children(), IsEmpty());
    EXPECT_EQ(call(control::MachineCommand{control::MachineCommand::Action::kReset}), "done");
    wait_for_heartbeat();
    guests_->signal(SIGKILL);
    EXPECT_EQ(worker_->wait(), 1);
    EXPECT_EQ(words().at("state"), "crashed");
}

TEST_F(LoopbackWorker, SaysThatNobodyServesGuests) {
    std::ofstream(path("vm.json")) << Json{
        {"name", "web"},
        {"memory", "64M"},
        {"partition", "loopback"},
        {"loopback", {{"socket", path("none.sock")}}},
        {"last_words",
         path("words.json")}}.dump();
    Program worker({HVIS_VM, path("vm.json")});
    EXPECT_EQ(worker.wait(), 1);
    EXPECT_EQ(words().at("state"), "failed");
}

/// Many machines in one process, each as a manager would find it.
TEST_F(LoopbackWorker, HasManyOfItsKindInOneProcess) {
    guests_.emplace(std::vector<std::string>{HVIS_LOOPBACK_GUEST, "--serve", path("guests.sock")});
    wait_for_listener(path("guests.sock"));
    worker_.emplace(std::vector<std::string>{HVIS_LOOPBACK_HOST, "--count", "20", "--directory",
                                             directory_, "--guests", path("guests.sock"), "--fault",
                                             "crashes", "--faulty", "1"});
    const auto socket_of = [&](int number) {
        const std::string digits = std::to_string(number);
        return path("vms/00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits +
                    "/control.sock");
    };
    std::vector<std::string> runs;
    for (const int number : {1, 9}) {
        client_.emplace(connect(socket_of(number)));
        EXPECT_EQ(client_->hello().at("name"), "loopback-" + std::to_string(number));
        runs.push_back(client_->hello().at("run"));
        wait_for_heartbeat();
    }
    EXPECT_NE(runs.front(), runs.back());
    EXPECT_EQ(call(control::ShutdownCommand{.message = {}}), "done");

    client_.emplace(connect(socket_of(0)));
    const auto listed = client_->call(control::EventsSubscribeCommand{.since = 1}, soon());
    ASSERT_TRUE(listed);
    auto event = client_->next_event(soon());
    while (event && *event != nullptr && (*event)->at("name") != "guest_crashed") {
        event = client_->next_event(soon());
    }
    EXPECT_TRUE(event && *event != nullptr) << "the faulty one has crashed";
    worker_->signal(SIGTERM);
    EXPECT_EQ(worker_->wait(), 0);
}

}  // namespace
}  // namespace hvis
