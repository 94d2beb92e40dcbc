#include "worker/probe_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace hvis::worker {
namespace {

using testing::HasSubstr;

constexpr kvm::Capability kNeeded{1, "KVM_CAP_A", "5.1", true, "KVM lacks A"};
constexpr kvm::Capability kUseful{2, "KVM_CAP_B", "5.14", false, "KVM lacks B"};

kvm::Probe probe_of(bool needed, bool useful) {
    return {.capabilities = {{&kNeeded, needed}, {&kUseful, useful}}, .processor_error = {}};
}

TEST(ProbeReport, IsFitWithAllThatIsNeededAndAProcessor) {
    EXPECT_TRUE(is_fit(probe_of(true, true)));
    EXPECT_TRUE(is_fit(probe_of(true, false)));
    EXPECT_FALSE(is_fit(probe_of(false, true)));
    kvm::Probe broken = probe_of(true, true);
    broken.processor_error = Error{Errc::kOs, "KVM_CREATE_VCPU", ENOMEM};
    EXPECT_FALSE(is_fit(broken));
    EXPECT_THAT(probe_text(broken), HasSubstr("KVM_CREATE_VCPU: Cannot allocate memory"));
}

TEST(ProbeReport, TellsProgramsEachCapability) {
    const auto report = nlohmann::json::parse(probe_json(probe_of(true, false)));
    EXPECT_EQ(report["capabilities"][1]["name"], "KVM_CAP_B");
    EXPECT_EQ(report["capabilities"][1]["present"], false);
    EXPECT_EQ(report["capabilities"][0]["needed"], true);
    EXPECT_EQ(report["processor"], true);
    EXPECT_FALSE(report.contains("processor_error"));
}

TEST(ProbeReport, TellsPeopleTheSame) {
    EXPECT_THAT(probe_text(probe_of(false, true)),
                HasSubstr("KVM_CAP_A   no       yes     Linux 5.1"));
}

}  // namespace
}  // namespace hvis::worker
