// Pools of key/value pairs. Acceptance cases 55, 57 to 62, 66, 158, 163, 166.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "harness/guest_test.h"
#include "harness/kvp_view.h"

namespace hvis::guests {
namespace {

using control::KvpDeleteCommand;
using control::KvpGetCommand;
using control::KvpListCommand;
using control::KvpSetCommand;
using control::Pool;

/// What Windows guests have in Guest\Parameters.
constexpr std::array kHostFacts = {"HostName",
                                   "HostingSystemEditionId",
                                   "HostingSystemNestedLevel",
                                   "HostingSystemOsMajor",
                                   "HostingSystemOsMinor",
                                   "HostingSystemProcessorArchitecture",
                                   "HostingSystemProcessorIdleStateMax",
                                   "HostingSystemProcessorThrottleMax",
                                   "HostingSystemProcessorThrottleMin",
                                   "HostingSystemSpMajor",
                                   "HostingSystemSpMinor",
                                   "PhysicalHostName",
                                   "PhysicalHostNameFullyQualified",
                                   "VirtualMachineDynamicMemoryBalancingEnabled",
                                   "VirtualMachineId",
                                   "VirtualMachineName"};

class KvpPools : public GuestTest {
protected:
    Pairs list(Pool pool) {
        const Reply reply = guest()->call(KvpListCommand{.pool = pool});
        EXPECT_TRUE(reply.ok()) << reply;
        return reply.pairs("/pairs");
    }
    Reply set(const std::string& key, const std::string& value) {
        return guest()->call(KvpSetCommand{.key = key, .value = value});
    }
    Reply remove(const std::string& key) { return guest()->call(KvpDeleteCommand{.key = key}); }
};

TEST_F(KvpPools, AreFiveFilesThatAllMayRead) {
    EXPECT_EQ(guest().output("cd /var/lib/hyperv && stat -c '%n %a %u' .kvp_pool_*"),
              ".kvp_pool_0 644 0\n.kvp_pool_1 644 0\n.kvp_pool_2 644 0\n.kvp_pool_3 644 0\n"
              ".kvp_pool_4 644 0");
    EXPECT_EQ(guest().output("stat -c '%a %u %g' /dev/vmbus/hv_kvp"), "600 0 0");
}

TEST_F(KvpPools, BelongToOneDaemon) {
    const std::string daemon = guest().output("pidof hv_kvp_daemon");
    EXPECT_EQ(daemon.find(' '), std::string::npos) << daemon;
    EXPECT_EQ(guest().output("ls -l /proc/" + daemon + "/fd | grep -c hv_kvp"), "1");
}

TEST_F(KvpPools, HoldTheFactsOfTheHost) {
    EXPECT_TRUE(wait_until([&] { return records(guest(), 3).size() >= kHostFacts.size(); }));
    const Pairs facts = records(guest(), 3);
    std::vector<std::string> names;
    for (const auto& [key, unused] : facts) {
        names.push_back(key);
    }
    EXPECT_THAT(names, testing::UnorderedElementsAreArray(kHostFacts));
    const auto value = [&](const char* key) { return value_of(facts, key).value_or("(none)"); };
    EXPECT_NE(value("HostName"), "");
    EXPECT_EQ(value("PhysicalHostName"), value("HostName"));
    EXPECT_NE(value("PhysicalHostNameFullyQualified"), "");
    EXPECT_EQ(value("VirtualMachineName"), "guest");
    EXPECT_EQ(value("VirtualMachineId"), guest()->call(control::StatusCommand{}).text("/id"));
    EXPECT_TRUE(same_pairs(facts, list(Pool::kParameters)));
}

TEST_F(KvpPools, TellTheFactsOfTheGuest) {
    const Pairs facts = list(Pool::kAuto);
    const auto value = [&](const char* key) { return value_of(facts, key).value_or("(none)"); };
    EXPECT_EQ(facts.size(), 10U);
    EXPECT_EQ(value("OSVersion"), guest().output("uname -r | cut -d- -f1"));
    EXPECT_EQ(value("OSBuildNumber"), guest().output("uname -r"));
    EXPECT_EQ(value("OSName"), guest().output(". /etc/os-release; echo $NAME"));
    EXPECT_EQ(value("OSMajorVersion"), guest().output(". /etc/os-release; echo $VERSION_ID"));
    EXPECT_NE(value("OSMinorVersion"), "(none)");
    EXPECT_EQ(value("ProcessorArchitecture"), guest().output("uname -m"));
    EXPECT_EQ(value("IntegrationServicesVersion"), "3.1");
    EXPECT_NE(value("FullyQualifiedDomainName").find(guest().output("hostname")),
              std::string::npos);
    EXPECT_NE(value("NetworkAddressIPv4"), "(none)");
    EXPECT_NE(value("NetworkAddressIPv6"), "(none)");
    const Reply status = guest()->call(control::StatusCommand{});
    EXPECT_EQ(status.text("/guest/os_name"), value("OSName"));
    EXPECT_EQ(status.text("/guest/os_build"), value("OSBuildNumber"));
}

TEST_F(KvpPools, TakeChangeAndForgetAPairOfTheHost) {
    ASSERT_TRUE(set("EEE", "555").ok());
    EXPECT_EQ(records(guest(), 0), (Pairs{{"EEE", "555"}}));
    EXPECT_EQ(guest().number("stat -c %s /var/lib/hyperv/.kvp_pool_0"), 512 + 2048);
    EXPECT_EQ(list(Pool::kExternal), (Pairs{{"EEE", "555"}}));
    ASSERT_TRUE(set("EEE", "999").ok());
    EXPECT_EQ(records(guest(), 0), (Pairs{{"EEE", "999"}}));
    const Reply got = guest()->call(KvpGetCommand{.pool = Pool::kExternal, .key = "EEE"});
    EXPECT_EQ(got.pairs("/pairs"), (Pairs{{"EEE", "999"}})) << got;
    ASSERT_TRUE(remove("EEE").ok());
    EXPECT_EQ(records(guest(), 0), Pairs{});
    EXPECT_EQ(list(Pool::kExternal), Pairs{});
}

TEST_F(KvpPools, RefuseWhatIsNotThere) {
    ASSERT_TRUE(set("here", "1").ok());
    EXPECT_EQ(remove("there").code(), "not_found");
    const Reply got = guest()->call(KvpGetCommand{.pool = Pool::kExternal, .key = "there"});
    EXPECT_EQ(got.code(), "not_found") << got;
    EXPECT_EQ(guest()->call(KvpSetCommand{.key = "here", .value = "2", .only_add = true}).code(),
              "failed");
    EXPECT_EQ(records(guest(), 0), (Pairs{{"here", "1"}}));
    EXPECT_TRUE(remove("here").ok());
}

TEST_F(KvpPools, BringWhatTheGuestPutsIntoItsOwn) {
    append_record(guest(), 1, "BBB", "111");
    EXPECT_EQ(list(Pool::kGuest), (Pairs{{"BBB", "111"}}));
    clear_records(guest(), 1);
    EXPECT_EQ(list(Pool::kGuest), Pairs{});
}

TEST_F(KvpPools, BringAllOfMany) {
    constexpr size_t kCount = 250;
    (void)guest().output("probe pool-fill /var/lib/hyperv/.kvp_pool_1 " + std::to_string(kCount));
    const Reply reply =
        guest()->call(KvpListCommand{.pool = Pool::kGuest, .timeout = std::chrono::minutes(5)});
    const Pairs pairs = reply.pairs("/pairs");
    ASSERT_EQ(pairs.size(), kCount) << reply.code();
    EXPECT_EQ(pairs.front(), (std::pair<std::string, std::string>("key 1", "value 1")));
    EXPECT_EQ(pairs.back(), (std::pair<std::string, std::string>("key 250", "value 250")));
    EXPECT_TRUE(guest().succeeds("pidof hv_kvp_daemon"));
    clear_records(guest(), 1);
}

TEST_F(KvpPools, TakeManyRequestsAtOnce) {
    std::vector<std::future<Reply>> replies;
    for (int i = 0; i < 20; ++i) {
        replies.push_back(guest()->call_apart(KvpSetCommand{.key = "key" + std::to_string(i),
                                                            .value = "value",
                                                            .timeout = std::chrono::minutes(2)}));
    }
    for (std::future<Reply>& future : replies) {
        const Reply reply = future.get();
        EXPECT_TRUE(reply.ok()) << reply;
    }
    EXPECT_EQ(records(guest(), 0).size(), replies.size());
    for (size_t i = 0; i < replies.size(); ++i) {
        EXPECT_TRUE(remove("key" + std::to_string(i)).ok());
    }
    EXPECT_EQ(records(guest(), 0), Pairs{});
}

TEST_F(KvpPools, KeepTextAsItIs) {
    const std::string key = "a \"key\" of $(reboot) `and`; 'more'";
    const std::string value = "first line\nsecond\t\\ line, Grüße, 漢字, 😀";
    ASSERT_TRUE(set(key, value).ok());
    EXPECT_EQ(records(guest(), 0), (Pairs{{key, value}}));
    EXPECT_EQ(list(Pool::kExternal), (Pairs{{key, value}}));
    EXPECT_TRUE(remove(key).ok());
}

TEST_F(KvpPools, SurviveTextOfTheGuestThatIsNone) {
    append_record(guest(), 1, "\xff\xfe\xc0\x80", "\xed\xa0\x80 \x1b[2J");
    append_record(guest(), 1, "good", "1");
    const Pairs pairs = list(Pool::kGuest);
    EXPECT_EQ(value_of(pairs, "good"), "1");
    clear_records(guest(), 1);
    guest().expect_service("kvp", "ok");
}

}  // namespace
}  // namespace hvis::guests
