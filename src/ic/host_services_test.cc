// What holds for the host half of every service.
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ic/fake_link.h"
#include "ic/heartbeat_guest.h"
#include "ic/heartbeat_host.h"
#include "ic/kvp_guest.h"
#include "ic/kvp_host.h"
#include "ic/shutdown_guest.h"
#include "ic/shutdown_host.h"
#include "ic/time_sync_guest.h"
#include "ic/time_sync_host.h"

namespace hvis::ic {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

/// One service with its peer.
struct Pair {
    std::unique_ptr<HostService> host;
    std::unique_ptr<GuestService> guest;
};

class HostServices : public ::testing::TestWithParam<const char*> {
protected:
    HostServices() : pair_(make(GetParam())), link_(*pair_.host, *pair_.guest) {}

    Pair make(std::string_view name) {
        if (name == "heartbeat") {
            return {std::make_unique<HeartbeatHost>(HeartbeatPolicy{.grace = seconds(0)}),
                    std::make_unique<HeartbeatGuest>()};
        }
        if (name == "shutdown") {
            auto guest = std::make_unique<ShutdownGuest>();
            guest->set_hibernation_supported(true);
            return {std::make_unique<ShutdownHost>(), std::move(guest)};
        }
        if (name == "timesync") {
            return {std::make_unique<TimeSyncHost>(), std::make_unique<TimeSyncGuest>()};
        }
        return {std::make_unique<KvpHost>(), std::make_unique<KvpGuest>(store_)};
    }
    [[nodiscard]] ServiceReport report() const { return pair_.host->report(link_.clocks()); }

    MemoryKvpStore store_;
    Pair pair_;
    FakeLink link_;
};

TEST_P(HostServices, KnowSinceWhenFromTheFirstWordOn) {
    pair_.host->set_enabled(true, link_.clocks());
    EXPECT_EQ(report().since, link_.clocks().wall);
    link_.advance(seconds(1));
    link_.open();
    EXPECT_EQ(report().primary, Primary::kOk);
    EXPECT_EQ(report().since, link_.clocks().wall);
}

TEST_P(HostServices, OfferNothingAgainForTheTimeOfAPause) {
    link_.set_silent(true);
    link_.open();
    link_.pause();
    link_.advance(10 * HostSession::kNegotiationTimeout);
    link_.resume();
    link_.advance(HostSession::kNegotiationTimeout - seconds(1));
    EXPECT_EQ(link_.sent().size(), 1U) << "the offer";
    link_.advance(seconds(1));
    EXPECT_EQ(link_.sent().size(), 2U) << "now it is overdue";
}

TEST_P(HostServices, FailUntilTheGuestOpensABrokenChannelAnew) {
    link_.open();
    EXPECT_EQ(report().primary, Primary::kOk);
    link_.break_rings();
    const size_t sent = link_.sent().size();
    link_.advance(std::chrono::minutes(5));
    EXPECT_EQ(report().primary, Primary::kNonRecoverableError);
    EXPECT_EQ(report().secondary, Secondary::kCommunicationFailed);
    EXPECT_THAT(report().explanation, HasSubstr("its driver must be reloaded"));
    EXPECT_FALSE(report().message);
    EXPECT_EQ(link_.sent().size(), sent) << "there is no ring to put anything into";
    link_.close();
    EXPECT_EQ(report().primary, Primary::kNoContact);
    link_.open();
    EXPECT_EQ(report().primary, Primary::kOk);
}

INSTANTIATE_TEST_SUITE_P(Every, HostServices,
                         ::testing::Values("heartbeat", "shutdown", "timesync", "kvp"),
                         [](const auto& service) { return std::string(service.param); });

}  // namespace
}  // namespace hvis::ic
