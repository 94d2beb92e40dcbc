// What the host's own calls do in each phase of a channel. The guest's messages are in the tests of
// their files.
#include "vmbus/channel_server_fixture.h"

namespace hvis::vmbus {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using wire::HostMessage;

HostMessage torndown_of(uint32_t gpadl) { return wire::GpadlTorndown{gpadl}; }

class ChannelPhases : public ChannelServerTest {
protected:
    /// A new server with one channel that is offered, and has one more GPADL if `gpadl` says so.
    void restart(uint32_t gpadl = 0) {
        server_ = ChannelServer({.processor_count = kProcessors});
        id_ = add(kScsiInterface, 1);
        connect();
        number_ = relid(id_);
        if (gpadl != 0) {
            ASSERT_TRUE(post(ring_header(number_, gpadl)));
        }
    }

    OfferId id_;
    uint32_t number_ = 0;
};

TEST_F(ChannelPhases, TakeTheDevicesOpenResultWhileOpeningOnly) {
    for (const uint32_t status : {wire::kNtSuccess, wire::kNtUnsuccessful}) {
        for (const auto from : kAllPhases) {
            restart();
            bring_to(id_, from);
            server_.open_result(id_, status);
            if (from == ChannelPhase::kOpening) {
                EXPECT_EQ(phase(id_), status == wire::kNtSuccess ? ChannelPhase::kOpen
                                                                 : ChannelPhase::kOffered);
                EXPECT_THAT(messages(),
                            ElementsAre(HostMessage(wire::OpenChannelResult{
                                .relid = number_, .open_id = number_ + 100, .status = status})));
            } else {
                EXPECT_EQ(phase(id_), from);
                EXPECT_THAT(messages(), IsEmpty()) << to_string(from);
            }
            EXPECT_THAT(effects(), IsEmpty());
            EXPECT_TRUE(server_.consistent());
        }
    }
}

TEST_F(ChannelPhases, AreLeftByAReofferOnlyWhereTheGuestHasLetGo) {
    for (const auto from : kAllPhases) {
        restart();
        bring_to(id_, from);
        ASSERT_TRUE(server_.reoffer(id_));
        const bool offered = from == ChannelPhase::kUnoffered;
        EXPECT_EQ(phase(id_), offered ? ChannelPhase::kOffered : from);
        EXPECT_THAT(messages(), SizeIs(offered ? 1 : 0)) << to_string(from);
        EXPECT_THAT(effects(), IsEmpty());
        switch (from) {
            case ChannelPhase::kRescindedClosing:
                server_.channel_closed(id_);
                [[fallthrough]];
            case ChannelPhase::kRescinded:
            case ChannelPhase::kRescindHeld:
                ASSERT_TRUE(post(wire::RelidReleased{number_}));
                EXPECT_EQ(phase(id_), ChannelPhase::kOffered) << to_string(from);
                break;
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kOffered:
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
            case ChannelPhase::kClosing:
            case ChannelPhase::kReopening:
            case ChannelPhase::kReleasedClosing:
            case ChannelPhase::kReleased:
                break;
        }
        EXPECT_TRUE(server_.consistent());
    }
}

TEST_F(ChannelPhases, AllEndInNothingOnceAChannelIsRemovedClosedAndReleased) {
    for (const auto from : kAllPhases) {
        restart();
        bring_to(id_, from);
        ASSERT_TRUE(server_.remove(id_));
        EXPECT_FALSE(server_.remove(id_)) << "twice";
        EXPECT_FALSE(server_.reoffer(id_));
        const auto status = server_.status(id_);
        switch (from) {
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kReleased:
                EXPECT_FALSE(status) << to_string(from);
                break;
            case ChannelPhase::kOffered:
            case ChannelPhase::kRescinded:
                EXPECT_EQ(status.value().phase, ChannelPhase::kRescinded);
                break;
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
            case ChannelPhase::kClosing:
            case ChannelPhase::kReopening:
            case ChannelPhase::kRescindedClosing:
                EXPECT_EQ(status.value().phase, ChannelPhase::kRescindedClosing);
                break;
            case ChannelPhase::kRescindHeld:
            case ChannelPhase::kReleasedClosing:
                EXPECT_EQ(status.value().phase, from);
                break;
        }
        const bool closes = from == ChannelPhase::kOpening || from == ChannelPhase::kOpen;
        EXPECT_THAT(effects(), SizeIs(closes ? 1 : 0)) << to_string(from);
        server_.channel_closed(id_);
        // Fails where the guest has released it, or was never told of it.
        (void)post(wire::RelidReleased{number_});
        EXPECT_FALSE(server_.status(id_)) << to_string(from);
        EXPECT_TRUE(server_.consistent());
    }
}

TEST_F(ChannelPhases, GiveAReleasedGpadlBackAtOnceOrWhenTheDeviceHasClosed) {
    constexpr uint32_t kGpadl = 5;
    for (const auto from : kAllPhases) {
        restart(kGpadl);
        bring_to(id_, from);
        const auto asked = post(wire::GpadlTeardown{.relid = number_, .gpadl = kGpadl});
        const auto at_once = messages();
        const size_t orders = effects().size();
        server_.gpadl_released(id_, kGpadl);
        const auto released = messages();
        server_.channel_closed(id_);
        const auto closed = messages();
        switch (from) {
            case ChannelPhase::kUnoffered:
            case ChannelPhase::kReleased:
                EXPECT_EQ(asked.error().code, Errc::kNotFound);
                break;
            case ChannelPhase::kOffered:
            case ChannelPhase::kRescinded:
            case ChannelPhase::kRescindHeld:
                EXPECT_TRUE(asked);
                EXPECT_THAT(at_once, ElementsAre(torndown_of(kGpadl))) << to_string(from);
                break;
            case ChannelPhase::kOpening:
            case ChannelPhase::kOpen:
                EXPECT_TRUE(asked);
                EXPECT_EQ(orders, 1U) << "the device has it";
                EXPECT_THAT(released, ElementsAre(torndown_of(kGpadl))) << to_string(from);
                break;
            case ChannelPhase::kClosing:
            case ChannelPhase::kReopening:
            case ChannelPhase::kRescindedClosing:
                EXPECT_TRUE(asked);
                EXPECT_THAT(closed, Contains(torndown_of(kGpadl))) << to_string(from);
                break;
            case ChannelPhase::kReleasedClosing:
                EXPECT_TRUE(asked);
                EXPECT_THAT(closed, Not(Contains(torndown_of(kGpadl)))) << "nobody asks any more";
                break;
        }
        EXPECT_EQ(server_.gpadl(id_, kGpadl), nullptr) << to_string(from);
        EXPECT_TRUE(server_.consistent());
    }
}

}  // namespace
}  // namespace hvis::vmbus
