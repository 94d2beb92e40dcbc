// Watching a pool, what is told of the guest when it is gone, and addresses set by the host.
#include <chrono>

#include <nlohmann/json.hpp>

#include "harness/guest_test.h"
#include "harness/kvp_view.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

using namespace std::chrono_literals;
using control::KvpWatchCommand;
using control::Pool;

constexpr int kGuestPool = 1;
constexpr const char* kAdapter = "f8615163-df3e-46c5-913f-f2d2f965ed0e";

class KvpWatch : public GuestTest {
protected:
    void begin(const KvpWatchCommand& command) {
        const auto deadline = Clock::now() + kReplyPatience;
        auto client = control::Client::connect(guest()->paths().control, deadline);
        ASSERT_TRUE(client) << client.error().message;
        client_ = std::move(*client);
        const auto id = client_->start(command, deadline);
        ASSERT_TRUE(id) << id.error().message;
        id_ = *id;
        EXPECT_TRUE(next().contains("watching"));
    }
    /// The next thing that the watch tells.
    control::Json next() {
        const auto notice = client_->next_notice(id_, Clock::now() + kEventPatience);
        if (!notice || *notice == nullptr) {
            ADD_FAILURE() << (notice ? "nothing came" : notice.error().message);
            return control::Json::object();
        }
        return **notice;
    }
    control::Json next_change() { return next().value("change", control::Json::object()); }

    std::optional<control::Client> client_;
    uint64_t id_ = 0;
};

TEST_F(KvpWatch, TellsWhatTheGuestAddsChangesAndRemoves) {
    clear_records(guest(), kGuestPool);
    begin({.pool = Pool::kGuest});
    const auto mark = guest()->mark();
    append_record(guest(), kGuestPool, "role", "web");
    EXPECT_EQ(next_change(), control::Json({{"pool", "guest"}, {"key", "role"}, {"value", "web"}}));
    EXPECT_EQ(guest()->wait_for_event("kvp_changed", mark).fields.at("key"), "role");
    clear_records(guest(), kGuestPool);
    EXPECT_EQ(next_change(), control::Json({{"pool", "guest"}, {"key", "role"}}));
}

TEST_F(KvpWatch, TellsFirstWhatIsThereIfAsked) {
    clear_records(guest(), kGuestPool);
    append_record(guest(), kGuestPool, "a", "1");
    begin({.pool = Pool::kGuest, .initial = true});
    EXPECT_EQ(next_change(), control::Json({{"pool", "guest"}, {"key", "a"}, {"value", "1"}}));
    clear_records(guest(), kGuestPool);
}

TEST_F(KvpWatch, GoesOnWhenTheServiceComesBack) {
    clear_records(guest(), kGuestPool);
    begin({.pool = Pool::kGuest});
    ASSERT_TRUE(guest()->call(control::ServiceSwitchCommand{control::Service::kKvp, false}).ok());
    EXPECT_TRUE(wait_until([&] { return !guest()->call(control::StatusCommand{}).has("/guest"); }))
        << "its facts are forgotten with the connection";
    append_record(guest(), kGuestPool, "meanwhile", "1");
    ASSERT_TRUE(guest()->call(control::ServiceSwitchCommand{control::Service::kKvp, true}).ok());
    EXPECT_EQ(next_change().value("key", ""), "meanwhile");
    guest().expect_service("kvp", "ok");
    clear_records(guest(), kGuestPool);
}

class IpSet : public GuestTest {
protected:
    /// No network adapter is offered yet: the daemon is shown one whose driver does not exist.
    void SetUp() override {
        GuestTest::SetUp();
        (void)guest().output(
            std::string("mount -t tmpfs none /sys/class/net && mkdir -p "
                        "/sys/class/net/test0/device && cd /sys/class/net/test0 && "
                        "echo 00:15:5d:00:00:01 >address && echo {") +
            kAdapter + "} >device/device_id");
    }
    void TearDown() override {
        (void)guest().output("umount /sys/class/net; rm -rf /run/hyperv");
        GuestTest::TearDown();
    }
};

TEST_F(IpSet, ReachesTheScriptOfTheDistribution) {
    const Reply set = guest()->call(control::IpSetCommand{.adapter = kAdapter,
                                                          .addresses = {"192.168.7.2/24"},
                                                          .gateways = {"192.168.7.1"},
                                                          .dns_servers = {"192.168.7.3"},
                                                          .timeout = 60s});
    EXPECT_TRUE(set.ok()) << set;
    EXPECT_TRUE(guest().eventually("cat /run/hyperv/ifcfg-test0"));
    const std::string file = guest().output("cat /run/hyperv/ifcfg-test0");
    for (const char* line :
         {"DEVICE=test0", "192.168.7.2", "255.255.255.0", "192.168.7.1", "192.168.7.3"}) {
        EXPECT_NE(file.find(line), std::string::npos) << line << " in:\n" << file;
    }
}

TEST_F(IpSet, SaysThatThereIsNoSuchAdapter) {
    const Reply set = guest()->call(control::IpSetCommand{
        .adapter = "00000000-0000-0000-0000-000000000001", .dhcp = true, .timeout = 60s});
    EXPECT_EQ(set.code(), "not_found") << set;
}

TEST_F(IpSet, RefusesWhatIsNoAddress) {
    const Reply set = guest()->call(
        control::IpSetCommand{.adapter = kAdapter, .addresses = {"192.168.7.2/24;reboot"}});
    EXPECT_EQ(set.code(), "usage") << set;
}

}  // namespace
}  // namespace hvis::guests
