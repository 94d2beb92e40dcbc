// The guest's KVP daemon stops, dies, hangs, comes late, comes twice. Acceptance cases 56, 64, 65,
// 69, 70.
#include <chrono>

#include "harness/guest_test.h"
#include "harness/kvp_view.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

using namespace std::chrono_literals;
using control::KvpListCommand;
using control::KvpSetCommand;
using control::Pool;

class KvpDaemon : public GuestTest {
protected:
    void expect_answers() {
        guest().expect_service("kvp", "ok");
        const Reply list = guest()->call(KvpListCommand{.timeout = 60s});
        EXPECT_TRUE(list.ok()) << list;
        EXPECT_EQ(list.size("/pairs"), 10U) << list;
    }
};

TEST_F(KvpDaemon, LeaksNoFile) {
    // Whatever the daemon has open for a request of its start is over once it has answered this
    // one.
    EXPECT_TRUE(guest()->call(KvpListCommand{}).ok());
    const std::string count = "ls /proc/$(pidof hv_kvp_daemon)/fd 2>/dev/null | wc -l";
    const std::string before = guest().output(count);
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(guest()->call(KvpSetCommand{.key = "key", .value = std::to_string(i)}).ok());
        EXPECT_TRUE(guest()->call(KvpListCommand{}).ok());
    }
    EXPECT_TRUE(guest()->call(control::KvpDeleteCommand{.key = "key"}).ok());
    // The worker may be asking for the guest's facts this moment: one file more for as long as
    // that.
    EXPECT_TRUE(guest().eventually("test $(" + count + ") -le " + before))
        << guest().output("ls -l /proc/$(pidof hv_kvp_daemon)/fd") << "\nbefore: " << before;
}

TEST_F(KvpDaemon, StaysAloneWhenASecondOneIsStarted) {
    const std::string first = guest().output("pidof hv_kvp_daemon");
    EXPECT_NE(guest().run("timeout 20 hv_kvp_daemon -n").status, 0);
    EXPECT_EQ(guest().output("pidof hv_kvp_daemon"), first);
    expect_answers();
}

TEST_F(KvpDaemon, IsMissedWhenItStopsAndServesAgainWhenItIsBack) {
    stop_kvp_daemon(guest());
    const Reply late = guest()->call(KvpListCommand{.timeout = 2s});
    EXPECT_TRUE(late.code() == "timed_out" || late.code() == "unavailable") << late;
    EXPECT_NE(late.failure().hint, "") << "what to do about it";
    EXPECT_NE(guest()->service("kvp").primary, "ok");
    // Other services take no notice.
    guest().expect_service("heartbeat", "ok");
    start_kvp_daemon(guest());
    expect_answers();
}

// The worker asks for the guest's facts every minute.
TEST_F(KvpDaemon, IsMissedThoughNobodyAsks) {
    stop_kvp_daemon(guest());
    guest().expect_service("kvp", "lost_communication");
    start_kvp_daemon(guest());
    expect_answers();
}

TEST_F(KvpDaemon, LosesNothingWhenItIsRestarted) {
    ASSERT_TRUE(guest()->call(KvpSetCommand{.key = "kept", .value = "1"}).ok());
    (void)guest().output(
        "killall -9 hv_kvp_daemon; while ! pidof hv_kvp_daemon; do usleep 50000; done");
    expect_answers();
    EXPECT_EQ(records(guest(), 0), (Pairs{{"kept", "1"}}));
    EXPECT_TRUE(guest()->call(control::KvpDeleteCommand{.key = "kept"}).ok());
}

// The request is in the daemon's hands when it dies. Linux answers for it after 30 s.
TEST_F(KvpDaemon, EndsTheRequestThatItTookToItsGrave) {
    (void)guest().output("kill -STOP $(pidof hv_kvp_daemon)");
    std::future<Reply> pending = guest()->call_apart(KvpListCommand{.timeout = 60s});
    EXPECT_TRUE(wait_until([&] {  // the request has left the host
        return guest()->call(control::StatsCommand{}).number("/counters/kvp.packets_sent") >
               guest()->call(control::StatsCommand{}).number("/counters/kvp.packets_received");
    }));
    (void)guest().output(
        "killall -9 hv_kvp_daemon; while ! pidof hv_kvp_daemon; do usleep 50000; done");
    const Reply ended = pending.get();
    if (ended.ok()) {
        EXPECT_EQ(ended.size("/pairs"), 10U) << "asked again of the new daemon: " << ended;
    } else {
        EXPECT_EQ(ended.code(), "failed") << ended;
        EXPECT_EQ(ended.failure().guest_status, 0x80004005U) << ended;
    }
    expect_answers();
}

TEST_F(KvpDaemon, IsAnsweredForByTheKernelWhenItHangs) {
    (void)guest().output("kill -STOP $(pidof hv_kvp_daemon)");
    const Reply refused = guest()->call(KvpListCommand{.timeout = 300s});
    EXPECT_EQ(refused.code(), "failed") << refused;
    EXPECT_EQ(refused.failure().guest_status, 0x80004005U) << refused;
    (void)guest().output("kill -CONT $(pidof hv_kvp_daemon)");
    expect_answers();
}

// The answer to the first list comes while the second is waited for: it must not be taken for its.
TEST_F(KvpDaemon, DoesNotMixALateAnswerIntoTheNextRequest) {
    append_record(guest(), 1, "mine", "1");
    (void)guest().output("kill -STOP $(pidof hv_kvp_daemon)");
    EXPECT_EQ(guest()->call(KvpListCommand{.timeout = 1s}).code(), "timed_out");
    std::future<Reply> second =
        guest()->call_apart(KvpListCommand{.pool = Pool::kGuest, .timeout = 120s});
    (void)guest().output("kill -CONT $(pidof hv_kvp_daemon)");
    const Reply reply = second.get();
    EXPECT_EQ(reply.pairs("/pairs"), (Pairs{{"mine", "1"}})) << reply;
    clear_records(guest(), 1);
    expect_answers();
}

class KvpDaemonStartedLate : public GuestTest {
protected:
    KvpDaemonStartedLate() : GuestTest({.name = "late-daemon"}) {}
};

// The driver keeps the host's negotiation back until a daemon registers, for 55 s if need be.
TEST_F(KvpDaemonStartedLate, IsWaitedFor) {
    const int64_t before = guest().dmesg_count("hv_utils: KVP IC version 4.0$");
    unload_utils(guest());
    const auto mark = guest()->mark();
    (void)guest().output("modprobe hv_utils");
    guest().expect_service("heartbeat", "ok");
    const ServiceView waiting = guest()->service("kvp");
    EXPECT_EQ(waiting.primary, "no_contact");
    EXPECT_NE(waiting.explanation.find("daemon"), std::string::npos) << waiting.explanation;
    // Longer than the driver keeps it back: the uptime is the guest's own measure of it.
    EXPECT_TRUE(guest().eventually("test $(($(cut -d. -f1 /proc/uptime) - " +
                                   guest().output("cut -d. -f1 /proc/uptime") + ")) -ge 60"));
    EXPECT_EQ(guest()->service("kvp").primary, "no_contact");
    (void)guest()->wait_for_event("kvp_daemon_missing", mark);
    start_kvp_daemon(guest());
    guest().expect_service("kvp", "ok");
    // The driver answers every offer of versions that came meanwhile.
    EXPECT_GT(guest().dmesg_count("hv_utils: KVP IC version 4.0$"), before);
    const Reply list = guest()->call(KvpListCommand{});
    EXPECT_EQ(list.size("/pairs"), 10U) << list;
}

}  // namespace
}  // namespace hvis::guests
