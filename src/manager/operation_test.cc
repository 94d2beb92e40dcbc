#include "manager/operation.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "control/time_text.h"

namespace hvis::manager {
namespace {

using control::Json;

Operation finished_stop() {
    return {.id = "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"_guid,
            .kind = "vm.stop",
            .vm = "11111111-2222-3333-4444-555555555555"_guid,
            .vm_name = "web",
            .caller = "uid 0",
            .state = OperationState::kFailed,
            .progress = 0.5,
            .step = "waiting for the guest to shut down",
            .created = *control::parse_time("2026-03-01T12:00:00.250Z"),
            .finished = control::parse_time("2026-03-01T12:01:00Z"),
            .error = control::make_failure(control::ErrorCode::kTimedOut, "it hangs", "cut it"),
            .result = std::make_shared<const Json>(Json{{"forced", true}})};
}

TEST(Operation, IsReadBackAsItWasWritten) {
    const Json written = to_json(finished_stop());
    const auto read = operation_from_json(written);
    ASSERT_TRUE(read);
    EXPECT_EQ(to_json(*read), written);
    EXPECT_EQ(read->state, OperationState::kFailed);
    EXPECT_EQ(read->error->code, control::ErrorCode::kTimedOut);
    EXPECT_EQ(read->vm, finished_stop().vm);
    EXPECT_EQ(written.at("state"), "failed");
    EXPECT_EQ(written.at("created"), "2026-03-01T12:00:00.250Z");
}

TEST(Operation, LeavesOutWhatIsNotKnown) {
    Operation operation;
    operation.kind = "database.backup";
    const Json written = to_json(operation);
    for (const char* name : {"vm", "vm_name", "progress", "finished", "error", "result"}) {
        EXPECT_FALSE(written.contains(name)) << name;
    }
    EXPECT_EQ(to_json(*operation_from_json(written)), written);
}

TEST(Operation, IsReadLenientlyButNotWithoutIdAndState) {
    EXPECT_FALSE(operation_from_json(Json::array()));
    EXPECT_FALSE(operation_from_json({{"state", "running"}}));
    EXPECT_FALSE(operation_from_json({{"id", "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"}}));
    const auto read = operation_from_json({{"id", "5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f"},
                                           {"state", "running"},
                                           {"progress", 7},
                                           {"created", 12},
                                           {"error", "no object"},
                                           {"new_field", 1}});
    ASSERT_TRUE(read);
    EXPECT_EQ(read->progress, 1.0);
    EXPECT_TRUE(read->error);
}

}  // namespace
}  // namespace hvis::manager
