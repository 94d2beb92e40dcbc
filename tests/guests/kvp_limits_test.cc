// How long keys and values may be. Acceptance case 68, and bad input of the KVP verbs.
#include "harness/guest_test.h"
#include "harness/kvp_view.h"

namespace hvis::guests {
namespace {

using control::KvpSetCommand;

constexpr size_t kLongestKey = 254;
constexpr size_t kLongestValue = 1022;

class KvpLimits : public GuestTest {
protected:
    /// The pointer that the refusal of such a pair names, or what else came of it.
    std::string refusal(const std::string& verb, const std::string& args) {
        const Reply reply = guest()->call_raw(verb, args);
        return reply.code() == "usage" ? reply.failure().pointer : reply.dump();
    }
    static std::string pair(const std::string& key, const std::string& value) {
        return R"({"key":")" + key + R"(","value":")" + value + R"("})";
    }
};

TEST_F(KvpLimits, LeaveTheLongestPairWhole) {
    const std::string key(kLongestKey, 'k');
    const std::string value(kLongestValue, 'v');
    ASSERT_TRUE(guest()->call(KvpSetCommand{.key = key, .value = value}).ok());
    EXPECT_EQ(records(guest(), 0), (Pairs{{key, value}}));
    const Reply list = guest()->call(control::KvpListCommand{.pool = control::Pool::kExternal});
    EXPECT_EQ(list.pairs("/pairs"), (Pairs{{key, value}}));
    EXPECT_TRUE(guest()->call(control::KvpDeleteCommand{.key = key}).ok());
    EXPECT_EQ(records(guest(), 0), Pairs{});
}

TEST_F(KvpLimits, LeaveAnEmptyValueEmpty) {
    ASSERT_TRUE(guest()->call(KvpSetCommand{.key = "empty", .value = ""}).ok());
    EXPECT_EQ(records(guest(), 0), (Pairs{{"empty", ""}}));
    EXPECT_TRUE(guest()->call(control::KvpDeleteCommand{.key = "empty"}).ok());
}

TEST_F(KvpLimits, RefuseLongerTextAndNameIt) {
    EXPECT_EQ(refusal("kvp.set", pair(std::string(kLongestKey + 1, 'k'), "v")), "/key");
    EXPECT_EQ(refusal("kvp.set", pair("k", std::string(kLongestValue + 1, 'v'))), "/value");
    EXPECT_EQ(refusal("kvp.set", pair("", "v")), "/key");
    EXPECT_EQ(refusal("kvp.set", pair("nul\\u0000", "v")), "/key");
    EXPECT_EQ(refusal("kvp.delete", R"({"key":")" + std::string(kLongestKey + 1, 'k') + R"("})"),
              "/key");
    EXPECT_EQ(records(guest(), 0), Pairs{});
}

TEST_F(KvpLimits, RefuseUnknownPoolsServicesAndFields) {
    EXPECT_EQ(refusal("kvp.list", R"({"pool":"swimming"})"), "/pool");
    EXPECT_EQ(refusal("kvp.set", R"({"key":"k","value":"v","pool":"auto"})"), "/pool");
    EXPECT_EQ(refusal("kvp.delete", R"({"key":"k","pool":"guest"})"), "/pool");
    EXPECT_EQ(refusal("kvp.get", R"({})"), "/key");
    EXPECT_EQ(refusal("kvp.list", R"({"timeout_ms":0})"), "/timeout_ms");
    EXPECT_EQ(refusal("kvp.list", R"({"tiemout_ms":1})"), "/tiemout_ms");
    EXPECT_EQ(refusal("service.disable", R"({"service":"spa"})"), "/service");
    EXPECT_EQ(refusal("heartbeat.set", R"({"interval_ms":1})"), "/interval_ms");
    EXPECT_EQ(refusal("wait", R"({"for":"godot"})"), "/for");
    EXPECT_EQ(guest()->call_raw("dance").code(), "usage");
}

}  // namespace
}  // namespace hvis::guests
