#include "manager/api/stats_sampler.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

Guid guid(uint8_t number) {
    Guid guid;
    guid.bytes[0] = number;
    return guid;
}

class StatsSamplerTest : public ::testing::Test {
protected:
    StatsSampler::Source source() {
        return {.running = [this] { return running_; },
                .ask =
                    [this](const Guid& vm, StatsSampler::Answered answered) {
                        asked_.push_back(vm);
                        pending_.push_back(std::move(answered));
                    }};
    }
    void answer_all() {
        for (const auto& answered : std::exchange(pending_, {})) {
            answered(std::make_shared<const control::Json>(control::Json::object()));
        }
    }
    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
    std::vector<Guid> running_ = {guid(1), guid(2)};
    std::vector<Guid> asked_;
    std::vector<StatsSampler::Answered> pending_;
};

TEST_F(StatsSamplerTest, AsksNobodyBeforeSomebodyScrapes) {
    StatsSampler sampler(*loop_, source());
    loop_->run_once(StatsSampler::kTick * 2);
    EXPECT_TRUE(asked_.empty());
}

TEST_F(StatsSamplerTest, AsksEachOnceARoundHoweverOftenItIsScraped) {
    StatsSampler sampler(*loop_, source());
    for (int scrape = 0; scrape < 5; ++scrape) {
        sampler.take(loop::Loop::now());
    }
    while (asked_.size() < 2) {
        loop_->run_once(StatsSampler::kTick);
    }
    loop_->run_once(StatsSampler::kTick * 3);
    EXPECT_THAT(asked_, testing::ElementsAre(guid(1), guid(2)));
    answer_all();
    EXPECT_EQ(sampler.take(loop::Loop::now()).size(), 2U);
}

TEST_F(StatsSamplerTest, SpreadsManyOverTheRound) {
    running_.clear();
    for (uint8_t number = 1; number <= 200; ++number) {
        running_.push_back(guid(number));
    }
    StatsSampler sampler(*loop_, source());
    sampler.take(loop::Loop::now());
    EXPECT_EQ(asked_.size(), 2U) << "200 VMs in 150 ticks";
}

TEST_F(StatsSamplerTest, TakesAnswersThatComeTooLate) {
    {
        StatsSampler sampler(*loop_, source());
        sampler.take(loop::Loop::now());
    }
    ASSERT_FALSE(pending_.empty());
    answer_all();
    pending_.clear();
}

}  // namespace
}  // namespace hvis::manager
