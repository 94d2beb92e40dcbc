#include "manager/store/store.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/time_text.h"
#include "manager/store/test_file.h"
#include "manager/store/vm_table.h"

namespace hvis::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Guid kWeb = "11111111-2222-3333-4444-555555555555"_guid;
constexpr Guid kMail = "66666666-2222-3333-4444-555555555555"_guid;
constexpr Guid kRun = "aaaaaaaa-2222-3333-4444-555555555555"_guid;

VmDefinition definition_of(const Guid& id, const std::string& name) {
    VmDefinition definition;
    definition.id = id;
    definition.name = name;
    definition.description = "it's a \"test\"";
    definition.partition = PartitionKind::kLoopback;
    definition.memory = uint64_t{64} << 20U;
    return definition;
}

Guid run_number(uint8_t number) {
    Guid run = kRun;
    run.bytes[15] = number;
    return run;
}

class StoreTest : public testing::Test {
protected:
    void open_again() {
        store.reset();
        store = must(Store::open(folder.file()));
    }

    TestFolder folder;
    std::unique_ptr<Store> store = must(Store::open(folder.file()));
};

TEST_F(StoreTest, KeepsDefinitionsAndWishes) {
    must(store->save_definition(definition_of(kWeb, "web")));
    must(store->save_definition(definition_of(kMail, "mail")));
    must(store->save_wish(kWeb, true, 3));
    VmDefinition changed = definition_of(kMail, "post");
    changed.processors = 4;
    must(store->save_definition(changed));
    open_again();
    const auto records = must(store->load_vms());
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(records[0].definition, changed);
    EXPECT_FALSE(records[0].wanted_running);
    EXPECT_FALSE(records[0].run);
    EXPECT_EQ(records[1].definition, definition_of(kWeb, "web"));
    EXPECT_TRUE(records[1].wanted_running);
    EXPECT_EQ(records[1].restart_attempts, 3U);
}

TEST_F(StoreTest, RefusesANameThatAnotherVmHas) {
    must(store->save_definition(definition_of(kWeb, "web")));
    const auto refused = store->save_definition(definition_of(kMail, "web"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().pointer, "/name");
    EXPECT_EQ(must(store->load_vms()).size(), 1U);
    must(store->save_definition(definition_of(kWeb, "web")));
}

TEST_F(StoreTest, SaysWhichDefinitionItCannotRead) {
    must(store->save_definition(definition_of(kWeb, "web")));
    store.reset();
    must(must(Database::open(folder.file()))->execute("UPDATE vm SET definition = '{\"name\":5}'"));
    store = must(Store::open(folder.file()));
    const auto refused = store->load_vms();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("definition of VM web cannot be read"));
}

TEST_F(StoreTest, KeepsPairsOfEachVmUntilItIsRemoved) {
    must(store->save_definition(definition_of(kWeb, "web")));
    const HeldPair role{.pool = control::Pool::kExternal, .key = "role", .value = "x"};
    const HeldPair host{.pool = control::Pool::kParameters, .key = "HostName", .value = ""};
    must(store->save_pair(kWeb, role));
    must(store->save_pair(kWeb, host));
    must(store->save_pair(kWeb, {.pool = role.pool, .key = role.key, .value = "database"}));
    open_again();
    EXPECT_THAT(must(store->load_pairs(kWeb)),
                ElementsAre(HeldPair{.pool = role.pool, .key = "role", .value = "database"}, host));
    EXPECT_THAT(must(store->load_pairs(kMail)), IsEmpty());
    must(store->remove_pair(kWeb, host.pool, host.key));
    EXPECT_EQ(must(store->load_pairs(kWeb)).size(), 1U);
    EXPECT_EQ(store->save_pair(kMail, role).error().code, control::ErrorCode::kNotFound);
    must(store->remove_vm(kWeb));
    must(store->save_definition(definition_of(kWeb, "web")));
    EXPECT_THAT(must(store->load_pairs(kWeb)), IsEmpty());
}

TEST_F(StoreTest, MovesCursorsWithTheEvents) {
    must(store->save_definition(definition_of(kWeb, "web")));
    std::vector<StoredEvent> events(2);
    must(store->append_events(events, {{.vm = kWeb, .run = kRun, .next_event = 3},
                                       {.vm = kMail, .run = kRun, .next_event = 9}}));
    EXPECT_EQ(events[1].sequence, 2U);
    open_again();
    const auto records = must(store->load_vms());
    EXPECT_EQ(records[0].run, kRun);
    EXPECT_EQ(records[0].next_event, 3U);
    EXPECT_EQ(must(store->next_event_of(kWeb, kRun)), 3U);
    EXPECT_EQ(must(store->next_event_of(kMail, kRun)), std::nullopt) << "no such VM";
    EXPECT_EQ(must(store->last_event()), 2U);
    EXPECT_EQ(must(store->first_event()), 1U);
}

TEST_F(StoreTest, RemembersTheLastLivesOfAWorker) {
    must(store->save_definition(definition_of(kWeb, "web")));
    std::vector<StoredEvent> none;
    const auto lives = static_cast<uint8_t>(VmTable::kRunsKept + 2);
    for (uint8_t life = 1; life <= lives; ++life) {
        must(store->append_events(none,
                                  {{.vm = kWeb, .run = run_number(life), .next_event = life}}));
    }
    EXPECT_EQ(must(store->load_vms())[0].run, run_number(lives)) << "the newest";
    EXPECT_EQ(must(store->next_event_of(kWeb, run_number(1))), std::nullopt);
    EXPECT_EQ(must(store->next_event_of(kWeb, run_number(2))), std::nullopt);
    EXPECT_EQ(must(store->next_event_of(kWeb, run_number(3))), 3U);
    must(store->append_events(none, {{.vm = kWeb, .run = run_number(3), .next_event = 50}}));
    EXPECT_EQ(must(store->next_event_of(kWeb, run_number(3))), 50U);
}

TEST_F(StoreTest, KeepsOperationsTokensAndSettings) {
    Operation operation;
    operation.id = kWeb;
    operation.kind = "vm.stop";
    must(store->save_operation(operation));
    operation.state = OperationState::kSucceeded;
    must(store->save_operation(operation));
    TokenRecord token{.id = kMail,
                      .name = "ci",
                      .role = Role::kOperator,
                      .sha256 = std::string(64, 'a'),
                      .created = *control::parse_time("2026-03-01T12:00:00Z"),
                      .last_used = {}};
    must(store->save_token(token));
    token.last_used = control::parse_time("2026-03-02T12:00:00Z");
    must(store->save_token(token));
    must(store->save_setting("webhook.position", "7"));
    must(store->save_setting("webhook.position", "8"));
    const Guid id = store->id();
    open_again();
    EXPECT_EQ(store->id(), id);
    const auto operations = must(store->load_operations());
    ASSERT_EQ(operations.size(), 1U);
    EXPECT_EQ(operations[0].state, OperationState::kSucceeded);
    const auto tokens = must(store->load_tokens());
    ASSERT_EQ(tokens.size(), 1U);
    EXPECT_EQ(tokens[0].role, Role::kOperator);
    EXPECT_EQ(tokens[0].last_used, token.last_used);
    EXPECT_EQ(must(store->setting("webhook.position")), "8");
    EXPECT_EQ(must(store->setting("other")), std::nullopt);
    must(store->remove_operation(kWeb));
    EXPECT_THAT(must(store->load_operations()), IsEmpty());
    EXPECT_TRUE(must(store->remove_token(kMail)));
    EXPECT_FALSE(must(store->remove_token(kMail)));
}

TEST_F(StoreTest, StaysWithinItsLimitAndGoesOnWhenItIsRaised) {
    must(store->save_definition(definition_of(kWeb, "web")));
    must(store->limit_size(uint64_t{256} << 10U));
    std::vector<StoredEvent> events(1);
    events[0].text = std::string(10'000, 'x');
    Result<void, Failure> appended;
    uint64_t next = 1;
    while (appended && next < 1000) {
        appended =
            store->append_events(events, {{.vm = kWeb, .run = kRun, .next_event = next + 1}});
        next += appended ? 1U : 0U;
    }
    ASSERT_FALSE(appended);
    EXPECT_THAT(appended.error().message, HasSubstr("has no room to grow"));
    EXPECT_EQ(must(store->next_event_of(kWeb, kRun)), next) << "as far as it was taken";
    EXPECT_EQ(must(store->last_event()), next - 1);
    must(store->limit_size(0));
    must(store->append_events(events, {}));
    EXPECT_EQ(events[0].sequence, next);
}

/// Kills the process that writes, at some moment of its writing.
TEST_F(StoreTest, IsWholeAfterAKillAtAnyMoment) {
    must(store->save_definition(definition_of(kWeb, "web")));
    constexpr int kRounds = 10;
    for (int round = 0; round < kRounds; ++round) {
        store.reset();
        const pid_t writer = ::fork();
        if (writer == 0) {
            auto own = Store::open(folder.file());
            for (uint64_t next = (*own)->next_event_of(kWeb, kRun)->value_or(1);; ++next) {
                std::vector<StoredEvent> events(1);
                events[0].fields = {{"number", std::to_string(next)}};
                [[maybe_unused]] const auto done = (*own)->append_events(
                    events, {{.vm = kWeb, .run = kRun, .next_event = next + 1}});
            }
        }
        ::usleep(static_cast<useconds_t>(20'000 + round * 3'000));
        ::kill(writer, SIGKILL);
        ASSERT_EQ(::waitpid(writer, nullptr, 0), writer);
        store = must(Store::open(folder.file()));
    }
    const uint64_t taken = must(store->next_event_of(kWeb, kRun)).value_or(1) - 1;
    uint64_t expected = 1;
    EventFilter filter;
    filter.limit = EventFilter::kMaxLimit;
    for (filter.since = 1; filter.since <= taken; filter.since += filter.limit) {
        for (const StoredEvent& event : must(store->query_events(filter)).events) {
            ASSERT_EQ(event.fields[0].second, std::to_string(expected++)) << "none twice";
        }
    }
    EXPECT_EQ(expected, taken + 1) << "none lost";
}

}  // namespace
}  // namespace hvis::manager
