#include "harness/guest_test.h"

#include "harness/suite.h"

namespace hvis::guests {

std::unique_ptr<Guest> GuestTest::shared_;
MachineConfig GuestTest::shared_config_;

// The first line is any kernel's, the others are those of drivers/hv about its host.
const char* const kTrouble =
    "Call Trace|BUG:|WARNING:|Oops|soft lockup|detected stalls|hung task|blocked for more than|"
    "hv_vmbus: probe failed|timed out waiting for all boot-time offers|Unable to connect to host|"
    "Waiting for VMBus UNLOAD|unknown msgtype|payload size is too large|message too short|"
    "Packet length too small|Invalid msg type|Invalid icmsg negotiate|IC pkt recv failed|"
    "MSR not available|unchecked MSR access";

void GuestTest::SetUp() {
    if (shared_ == nullptr || shared_config_ != config_) {
        boot_instead(config_);
    }
    ASSERT_NE(shared_, nullptr) << "no guest to test";
    expect_ready();
}

void GuestTest::boot_instead(const MachineConfig& config) {
    shared_.reset();
    shared_ = Guest::boot(config);
    shared_config_ = config;
}

void GuestTest::TearDown() {
    if (shared_ == nullptr) {
        return;
    }
    if (!shared_->console().silent() && shared_->machine().process().running()) {
        EXPECT_EQ(shared_->dmesg(kTrouble), "");
    }
    if (HasFailure()) {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        shared_->dump(suite().name + "-" + test->test_suite_name() + "." + test->name());
        give_up_guest();
    }
}

}  // namespace hvis::guests
