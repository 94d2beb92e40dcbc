#include "control/status_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StatusStreamTest : public testing::Test {
protected:
    /// The states that were sent since the last call.
    std::vector<std::string> sent() { return std::exchange(sent_, {}); }
    void turn() { loop_->run_once({}); }
    /// Runs the loop until something was sent.
    void wait() {
        while (sent_.empty()) {
            loop_->run_once(std::chrono::seconds(1));
        }
    }

    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    StatusResult status_ = [] {
        StatusResult status;
        status.state = "starting";
        return status;
    }();
    std::vector<std::string> sent_;
    StatusStream stream_{*loop_, [this] { return status_; },
                         [this](const std::string& packet) {
                             sent_.push_back(Json::parse(packet).at("status").at("state"));
                         }};
};

TEST_F(StatusStreamTest, SendsTheFirstFromTheNextTurn) {
    EXPECT_THAT(sent(), IsEmpty());
    turn();
    EXPECT_THAT(sent(), ElementsAre("starting"));
    turn();
    EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(StatusStreamTest, CoalescesChangesOfOnePeriod) {
    turn();
    (void)sent();
    const auto began = loop::Loop::now();
    status_.state = "running";
    stream_.changed();
    status_.state = "paused";
    stream_.changed();
    turn();
    EXPECT_THAT(sent(), IsEmpty());
    wait();
    EXPECT_GE(loop::Loop::now() - began, StatusStream::kPeriod / 2);
    EXPECT_THAT(sent(), ElementsAre("paused"));
}

TEST_F(StatusStreamTest, SaysNothingWhereOnlyTheRestlessChanged) {
    turn();
    (void)sent();
    status_.uptime += std::chrono::seconds(7);
    status_.exits += 7;
    stream_.changed();
    stream_.flush();
    EXPECT_THAT(sent(), IsEmpty());
    status_.processors = 2;
    stream_.changed();
    stream_.flush();
    EXPECT_THAT(sent(), ElementsAre("starting"));
}

TEST_F(StatusStreamTest, FlushesOnlyWhatIsDue) {
    turn();
    (void)sent();
    status_.state = "stopped";
    stream_.flush();
    EXPECT_THAT(sent(), IsEmpty()) << "nobody said that it has changed";
    stream_.changed();
    stream_.flush();
    EXPECT_THAT(sent(), ElementsAre("stopped"));
}

}  // namespace
}  // namespace hvis::control
