#include "control/kvm_verdict.h"

#include <gtest/gtest.h>

namespace hvis::control {
namespace {

constexpr const char* kNeeded =
    R"({"name":"KVM_CAP_A","since":"4.14","needed":true,"present":false})";
constexpr const char* kWanted =
    R"({"name":"KVM_CAP_B","since":"5.14","needed":false,"present":false})";

std::string report(const std::string& capabilities, const std::string& processor) {
    return R"({"capabilities":[)" + capabilities + R"(],"processor":)" + processor + "}";
}

TEST(KvmVerdict, IsThatGuestsRunWhereNothingIsLacking) {
    const auto verdict = judge_kvm(
        report(R"({"name":"KVM_CAP_A","since":"4.14","needed":true,"present":true})", "true"));
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->usable());
    EXPECT_EQ(verdict->capabilities, 1U);
    EXPECT_EQ(verdict->text(), "");
}

TEST(KvmVerdict, TellsWhatIsNeededFromWhatIsWanted) {
    const auto without = judge_kvm(report(std::string(kNeeded) + "," + kWanted, "false"));
    ASSERT_TRUE(without);
    EXPECT_FALSE(without->usable());
    EXPECT_EQ(without->text(), "KVM lacks KVM_CAP_A (Linux 4.14)");
    const auto poorer = judge_kvm(report(kWanted, "true"));
    ASSERT_TRUE(poorer);
    EXPECT_TRUE(poorer->usable());
    EXPECT_EQ(poorer->text(), "KVM lacks KVM_CAP_B (Linux 5.14)");
}

TEST(KvmVerdict, NamesWhatKeepsAProcessorFromBeingMade) {
    const auto silent = judge_kvm(report("", "false"));
    ASSERT_TRUE(silent);
    EXPECT_FALSE(silent->usable());
    EXPECT_EQ(silent->text(), "no virtual processor with SynIC can be made");
    const auto told =
        judge_kvm(report("", R"(false,"processor_error":"KVM_CREATE_VCPU: Invalid argument")"));
    ASSERT_TRUE(told);
    EXPECT_EQ(told->text(), "KVM_CREATE_VCPU: Invalid argument");
}

TEST(KvmVerdict, IsNotMadeOfAnythingElse) {
    for (const char* bad : {"", "{}", "[]", "hvis-vm: no", R"({"capabilities":7})"}) {
        EXPECT_FALSE(judge_kvm(bad)) << bad;
    }
}

}  // namespace
}  // namespace hvis::control
