// Older VMBus protocols, asked for by the guest or offered by the host. Acceptance case 3.
#include <array>

#include "harness/guest_test.h"
#include "harness/suite.h"
#include "harness/vmbus_view.h"

namespace hvis::guests {
namespace {

struct VersionCase {
    const char* number;  // of hv_vmbus's parameter max_version
    const char* words;
};

/// Where hv_vmbus is built in, each version is a machine of its own.
MachineConfig machine_for(const char* number) {
    MachineConfig config{.name = "vmbus-version"};
    if (!suite().vmbus_is_a_module) {
        config.append = std::string("hv_vmbus.max_version=") + number;
    }
    return config;
}

class VmbusVersion : public GuestTest, public testing::WithParamInterface<VersionCase> {
protected:
    VmbusVersion() : GuestTest(machine_for(GetParam().number)) {}

    [[nodiscard]] static bool is_spoken() {
        return GetParam().words >= suite().oldest_vmbus_version;
    }
    void expect_ready() override {
        if (suite().vmbus_is_a_module || is_spoken()) {
            GuestTest::expect_ready();
        }
    }
    /// Loads the guest's driver, with the option given; false where it does not connect.
    bool connect_with(const std::string& option) {
        if (!guest().succeeds("modprobe hv_vmbus " + option)) {
            return false;
        }
        (void)guest().output("modprobe hv_utils");
        start_kvp_daemon(guest());
        return true;
    }
    /// The guest found no version that its host speaks too, and both go on.
    void expect_no_contact() {
        EXPECT_GE(guest().dmesg_count("hv_vmbus: Unable to connect to host"), 1)
            << guest().output("dmesg");
        EXPECT_EQ(guest().dmesg_count("Vmbus version:"), 0);
        if (suite().unload_is_announced) {
            EXPECT_EQ(guest()->call(control::StatusCommand{}).text("/vmbus_version"), "");
        }
        EXPECT_EQ(guest()->state(), "running");
        (void)guest().output("dmesg -c >/dev/null");  // no trouble of its host's making
    }
};

TEST_P(VmbusVersion, IsTakenWhenTheGuestAsksForNoNewerOne) {
    if (suite().vmbus_is_a_module) {
        unload_vmbus(guest());
        EXPECT_EQ(guest().dmesg(kTrouble), "") << "TearDown does not see what is cleared here";
        (void)guest().output("dmesg -c >/dev/null");
        EXPECT_EQ(connect_with(std::string("max_version=") + GetParam().number), is_spoken());
    }
    if (!is_spoken()) {
        expect_no_contact();
        if (suite().vmbus_is_a_module) {
            EXPECT_TRUE(connect_with(""));
        }
        return;
    }
    guest().expect_all_services_ok();
    EXPECT_EQ(guest().dmesg_count("Vmbus version:"), 1);
    EXPECT_EQ(guest().dmesg_count(std::string("hv_vmbus: Vmbus version:") + GetParam().words + "$"),
              1)
        << guest().dmesg("Vmbus version");
    EXPECT_EQ(guest()->call(control::StatusCommand{}).text("/vmbus_version"), GetParam().words);
    EXPECT_EQ(guest().number("ls /sys/bus/vmbus/devices | wc -l"), 4);
    EXPECT_TRUE(guest()->call(control::KvpListCommand{}).ok());
}

INSTANTIATE_TEST_SUITE_P(
    All, VmbusVersion,
    // 1.1 first: a guest of 3.0 or 2.4 leaves without UNLOAD, and its host takes it for connected.
    testing::Values(VersionCase{"0x10001", "1.1"}, VersionCase{"0x50002", "5.2"},
                    VersionCase{"0x50001", "5.1"}, VersionCase{"0x50000", "5.0"},
                    VersionCase{"0x40001", "4.1"}, VersionCase{"0x40000", "4.0"},
                    VersionCase{"0x30000", "3.0"}, VersionCase{"0x20004", "2.4"}),
    [](const auto& each) {
        std::string name = each.param.words;
        name[1] = '_';
        return name;
    });

class VmbusVersionLimit : public GuestTest {
protected:
    VmbusVersionLimit() : GuestTest({.name = "vmbus-limit", .vmbus_max_version = "4.1"}) {}
};

// The guest asks for each of its versions from the newest down; refusals must come at once.
TEST_F(VmbusVersionLimit, MakesTheGuestGoDownToIt) {
    EXPECT_EQ(guest().dmesg_count("hv_vmbus: Vmbus version:4.1$"), 1)
        << guest().dmesg("Vmbus version");
    EXPECT_EQ(guest()->call(control::StatusCommand{}).text("/vmbus_version"), "4.1");
}

}  // namespace
}  // namespace hvis::guests
