#include "manager/api/kvm_check.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::manager {
namespace {

using testing::HasSubstr;

constexpr const char* kGood = R"(echo '{"capabilities":[],"processor":true}')";
constexpr const char* kLacking =
    R"(echo '{"capabilities":[{"name":"KVM_CAP_A","since":"4.14","needed":true,"present":false}]}'; exit 1)";

/// hvis-vm is a script here, and its KVM /dev/null.
class KvmCheckTest : public ::testing::Test {
protected:
    KvmCheckTest() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "kvm-check-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~KvmCheckTest() override { std::filesystem::remove_all(directory_); }

    /// Counts its runs in a file.
    void write_worker(const std::string& script) {
        std::filesystem::remove(worker());
        std::ofstream(worker()) << "#!/bin/sh\necho run >>" << directory_ << "/runs\n" << script;
        std::filesystem::permissions(worker(), std::filesystem::perms::owner_all);
    }
    [[nodiscard]] std::string worker() const { return directory_ + "/hvis-vm"; }
    [[nodiscard]] size_t runs() const {
        std::ifstream file(directory_ + "/runs");
        size_t count = 0;
        for (std::string line; std::getline(file, line);) {
            ++count;
        }
        return count;
    }
    KvmCheck::Answer ask(KvmCheck& check) {
        std::optional<KvmCheck::Answer> answer;
        check.ask([&](const KvmCheck::Answer& told) { answer = told; });
        const auto deadline = loop::Loop::now() + std::chrono::seconds(30);
        while (!answer && loop::Loop::now() < deadline) {
            loop_->run_once(std::chrono::milliseconds(100));
        }
        return answer.value_or(KvmCheck::Answer{.usable = true, .explanation = "no answer"});
    }

    std::string directory_;
    std::unique_ptr<loop::Loop> loop_ = *loop::Loop::create();
};

TEST_F(KvmCheckTest, SaysWhatAWorkerFinds) {
    KvmCheck check(*loop_, worker(), "/dev/null");
    write_worker(kGood);
    const KvmCheck::Answer good = ask(check);
    EXPECT_TRUE(good.usable);
    EXPECT_EQ(good.explanation, "");
    write_worker(kLacking);
    const KvmCheck::Answer lacking = ask(check);
    EXPECT_FALSE(lacking.usable);
    EXPECT_EQ(lacking.explanation, "KVM lacks KVM_CAP_A (Linux 4.14)");
}

TEST_F(KvmCheckTest, RunsAWorkerOnceForAllWhoAsk) {
    KvmCheck check(*loop_, worker(), "/dev/null");
    write_worker(kGood);
    size_t answers = 0;
    check.ask([&](const KvmCheck::Answer&) { ++answers; });
    EXPECT_TRUE(ask(check).usable);
    EXPECT_EQ(answers, 1U);
    EXPECT_TRUE(ask(check).usable);
    EXPECT_EQ(runs(), 1U);
}

TEST_F(KvmCheckTest, PassesOnWhyThereIsNoReportAndAsksAnew) {
    KvmCheck check(*loop_, worker(), "/dev/null");
    EXPECT_THAT(ask(check).explanation, HasSubstr("posix_spawn: No such file"));
    write_worker("echo first >&2; echo 'hvis-vm: no KVM' >&2; exit 1");
    for (int round = 0; round < 2; ++round) {
        const KvmCheck::Answer answer = ask(check);
        EXPECT_FALSE(answer.usable);
        EXPECT_THAT(answer.explanation, testing::EndsWith("--probe: hvis-vm: no KVM"));
    }
    EXPECT_EQ(runs(), 2U);
    write_worker("exit 3");
    EXPECT_THAT(ask(check).explanation, HasSubstr("exit status 3"));
}

TEST_F(KvmCheckTest, RunsNothingWhereThereIsNoDevice) {
    KvmCheck check(*loop_, worker(), "/dev/no-such-kvm");
    write_worker(kGood);
    EXPECT_THAT(ask(check).explanation, HasSubstr("there is no /dev/no-such-kvm: load kvm_intel"));
    EXPECT_EQ(runs(), 0U);
}

TEST_F(KvmCheckTest, LeavesAProbeThatHangs) {
    write_worker("exec sleep 60");
    bool answered = false;
    {
        KvmCheck check(*loop_, worker(), "/dev/null");
        check.ask([&](const KvmCheck::Answer&) { answered = true; });
    }
    loop_->run_once(std::chrono::milliseconds(10));
    EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace hvis::manager
