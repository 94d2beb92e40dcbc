#include "manager/api/planned_services.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace hvis::manager {
namespace {

using control::ErrorCode;
using ::testing::HasSubstr;

TEST(PlannedServices, AreAnsweredInWordsUnderEveryNameThatIsUsedForThem) {
    for (const char* name :
         {"file-copy", "file_copy", "guest-services", "Guest Services", "guest_service"}) {
        const auto failure = not_offered(name);
        EXPECT_EQ(failure.code, ErrorCode::kUnavailable) << name;
        EXPECT_THAT(failure.message,
                    HasSubstr("guest services (file copy) is not in this version"));
        EXPECT_THAT(failure.message, HasSubstr("off until it is enabled"));
        EXPECT_THAT(failure.hint, HasSubstr("hvis service enable NAME file-copy"));
    }
    for (const char* name : {"vss", "VSS", "backup", "volume shadow copy"}) {
        EXPECT_THAT(not_offered(name).message, HasSubstr("volume shadow copy (backup) is not"));
    }
    EXPECT_THAT(not_offered("mouse").message, HasSubstr("the synthetic mouse is not"));
}

TEST(PlannedServices, AreNotWhatNobodyKnows) {
    for (const char* name : {"", "kpv", "heartbeat "}) {
        const auto failure = not_offered(name);
        EXPECT_EQ(failure.code, ErrorCode::kNotFound) << name;
        EXPECT_THAT(failure.message, HasSubstr("there is no service \""));
        EXPECT_THAT(failure.hint, HasSubstr("heartbeat, shutdown, timesync, kvp"));
    }
}

TEST(PlannedServices, AreListedEachWithItsExplanation) {
    for (const auto& service : planned_services()) {
        EXPECT_EQ(not_offered(service.at("service").get<std::string>()).message,
                  service.at("explanation").get<std::string>());
    }
    EXPECT_EQ(planned_services().size(), 5U);
}

}  // namespace
}  // namespace hvis::manager
