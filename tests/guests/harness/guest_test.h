#pragma once

#include <memory>

#include <gtest/gtest.h>

#include "harness/guest.h"

namespace hvis::guests {

/// A test that needs a running guest and leaves it as it found it: all services connected, all
/// drivers loaded, the daemon running. A start costs some ten seconds in the lab, so neighbours
/// share one guest for as long as none of them fails, wears it out or wants another machine.
class GuestTest : public testing::Test {
protected:
    explicit GuestTest(MachineConfig config = {}) : config_(std::move(config)) {}

    /// Boots the guest if there is none, and waits until its services are connected.
    void SetUp() override;
    /// Looks for signs of trouble in the guest's messages. After a failure the guest is dumped and
    /// given up, so that the next test gets a fresh one.
    void TearDown() override;

    /// What a test finds, for SetUp to wait for: every enabled service is ok.
    virtual void expect_ready() { guest().expect_all_services_ok(); }

    Guest& guest() { return *shared_; }
    /// The guest is of no more use: the machine was switched off, or will not recover.
    void give_up_guest() { shared_.reset(); }
    /// Puts a machine with another configuration into the place of the running one.
    void boot_instead(const MachineConfig& config);
    /// The same machine, from the beginning.
    void boot_again() { boot_instead(config_); }

private:
    MachineConfig config_;
    static std::unique_ptr<Guest> shared_;
    static MachineConfig shared_config_;
};

/// What a kernel in trouble, or one that got malformed bytes from its host, says. As an extended
/// regular expression.
extern const char* const kTrouble;

}  // namespace hvis::guests
