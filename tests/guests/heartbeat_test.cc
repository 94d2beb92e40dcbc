// The heartbeat and its judgement. Acceptance cases 29, 31, 33; loss policy of
// docs/control-protocol.md.
#include <chrono>

#include "harness/guest_test.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

using namespace std::chrono_literals;

/// A policy that notices soon: the lab is slow, but not so slow that half of the beats are late.
control::HeartbeatPolicyChange watchful() {
    return {.interval = 500ms,
            .latency = 5000ms,
            .misses = 2,
            .window = 3,
            .grace = 0ms,
            .on_loss = control::OnLoss::kNone,
            .attempts = 1};
}

/// SINT2 of the first processor: VMBus interrupts. With the mask bit set, the guest neither hears
/// nor answers, as one that has locked up.
constexpr auto kGoDeaf =
    "old=$(probe rdmsr 0 0x40000092) && echo $old > /run/sint2 &&"
    " probe wrmsr 0 0x40000092 $((old | 0x10000))";
constexpr auto kHearAgain = "probe wrmsr 0 0x40000092 $(cat /run/sint2)";

class Heartbeat : public GuestTest {
protected:
    using GuestTest::GuestTest;

    /// Changes the fields that the JSON object has.
    void set_policy(const std::string& fields) {
        const Reply reply = guest()->call_raw("heartbeat.set", fields);
        EXPECT_TRUE(reply.ok()) << reply;
    }
};

TEST_F(Heartbeat, IsOkWithApplicationsUnknown) {
    const ServiceView heartbeat = guest()->service("heartbeat");
    EXPECT_TRUE(heartbeat.enabled);
    EXPECT_EQ(heartbeat.primary, "ok");
    EXPECT_EQ(heartbeat.secondary, "ok");
    EXPECT_EQ(heartbeat.applications, "unknown");  // Linux tells nothing of them
    EXPECT_NE(heartbeat.explanation, "");
}

TEST_F(Heartbeat, FollowsTheService) {
    const auto mark = guest()->mark();
    ASSERT_TRUE(guest()
                    ->call(control::ServiceSwitchCommand{.service = control::Service::kHeartbeat,
                                                         .enable = false})
                    .ok());
    (void)guest()->wait_for_event("service_disabled", "heartbeat", mark);
    EXPECT_EQ(guest()->service("heartbeat").primary, "disabled");
    EXPECT_FALSE(guest()->service("heartbeat").enabled);
    ASSERT_TRUE(guest()
                    ->call(control::ServiceSwitchCommand{.service = control::Service::kHeartbeat,
                                                         .enable = true})
                    .ok());
    (void)guest()->wait_for_event("service_negotiated", "heartbeat", mark);
    guest().expect_service("heartbeat", "ok");
}

TEST_F(Heartbeat, IsAnsweredOncePerBeat) {
    const std::string count = "cat " + path_of(kHeartbeatDevice) + "/channels/*/interrupts";
    const Reply before = guest()->call(control::HeartbeatShowCommand{});
    const int64_t interrupts_before = guest().number(count);
    constexpr int64_t kBeats = 10;
    ASSERT_TRUE(wait_until([&] {
        return guest()->call(control::HeartbeatShowCommand{}).number("/answered") >=
               before.number("/answered") + kBeats;
    }));
    const int64_t interrupts = guest().number(count) - interrupts_before;
    const int64_t sent =
        guest()->call(control::HeartbeatShowCommand{}).number("/sent") - before.number("/sent");
    EXPECT_LE(interrupts, sent + 1) << "more interrupts than beats";
    EXPECT_GE(interrupts, kBeats / 2) << "fewer interrupts than beats, even if some were joined";
}

TEST_F(Heartbeat, HasNoContactWhileTheDriverIsUnloaded) {
    const auto mark = guest()->mark();
    unload_utils(guest());
    (void)guest()->wait_for_event("service_disconnected", "heartbeat", mark);
    guest().expect_service("heartbeat", "no_contact");
    EXPECT_NE(guest()->service("heartbeat").explanation, "");
    load_utils(guest());
    guest().expect_service("heartbeat", "ok");
    EXPECT_EQ(guest()->state(), "running");
}

TEST_F(Heartbeat, IsPausedWithTheMachine) {
    const auto mark = guest()->mark();
    ASSERT_TRUE(
        guest()
            ->call(control::MachineCommand{.action = control::MachineCommand::Action::kPause})
            .ok());
    EXPECT_EQ(guest()->state(), "paused");
    guest().expect_service("heartbeat", "paused");
    ASSERT_TRUE(
        guest()
            ->call(control::MachineCommand{.action = control::MachineCommand::Action::kResume})
            .ok());
    guest().expect_service("heartbeat", "ok");
    for (const SeenEvent& event : guest()->events().since(mark)) {
        EXPECT_NE(event.name, "heartbeat_lost") << "silence while paused is nobody's fault";
    }
}

TEST_F(Heartbeat, IsLostAndRegainedWhenTheGuestGoesDeaf) {
    ASSERT_TRUE(guest()->call(control::HeartbeatSetCommand{.change = watchful()}).ok());
    const auto mark = guest()->mark();
    (void)guest().output(kGoDeaf);
    const SeenEvent lost = guest()->wait_for_event("heartbeat_lost", mark);
    EXPECT_EQ(lost.severity, "error");
    EXPECT_EQ(guest()->service("heartbeat").primary, "lost_communication");
    EXPECT_EQ(guest()->state(), "running");
    (void)guest().output(kHearAgain);
    // Its rings are not empty and its flags are set: only a host that signals again is heard.
    (void)guest()->wait_for_event("heartbeat_regained", mark);
    guest().expect_service("heartbeat", "ok");
    set_policy(R"({"interval_ms":2000,"latency_ms":1000,"grace_ms":30000})");
}

class HeartbeatPolicy : public Heartbeat {
protected:
    HeartbeatPolicy() : Heartbeat({.name = "heartbeat-policy", .heartbeat = watchful()}) {}
};

TEST_F(HeartbeatPolicy, ResetsTheMachineOnLoss) {
    set_policy(R"({"on_loss":"reset"})");
    const auto mark = guest()->mark();
    (void)guest().output(kGoDeaf);
    (void)guest()->wait_for_event("heartbeat_lost", mark);
    const SeenEvent taken = guest()->wait_for_event("loss_action_taken", mark);
    EXPECT_EQ(taken.fields.at("action"), "reset");
    EXPECT_EQ(guest()->wait_for_event("vm_reset", mark).fields.at("by"), "heartbeat");
    ASSERT_TRUE(guest().wait_ready());
    guest().expect_all_services_ok();
    set_policy(R"({"on_loss":"none"})");
}

TEST_F(HeartbeatPolicy, SwitchesTheMachineOffOnLoss) {
    set_policy(R"({"on_loss":"power_off"})");
    const auto mark = guest()->mark();
    (void)guest().output(kGoDeaf);
    EXPECT_EQ(guest()->wait_for_event("vm_powered_off", mark).fields.at("by"), "heartbeat");
    EXPECT_TRUE(guest()->wait_exit().has_value());
    give_up_guest();
}

}  // namespace
}  // namespace hvis::guests
