#include "worker/client/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hvis::worker {
namespace {

using control::Milliseconds;
using testing::HasSubstr;

struct Outcome {
    ParsedCommandLine parsed;
    std::string output;
    std::string errors;
};

Outcome parse(std::vector<const char*> words) {
    words.insert(words.begin(), "hvis-vm");
    Outcome outcome;
    outcome.parsed = parse_command_line(static_cast<int>(words.size()), words.data(),
                                        outcome.output, outcome.errors);
    return outcome;
}

/// The command of "hvis-vm --connect s WORDS…".
control::Command command_of(std::vector<const char*> words) {
    words.insert(words.begin(), {"--connect", "s"});
    const Outcome outcome = parse(words);
    const auto* options = std::get_if<ClientOptions>(&outcome.parsed);
    EXPECT_NE(options, nullptr) << outcome.errors;
    return options == nullptr ? control::Command() : options->command;
}

TEST(CommandLine, RunsOrChecksAConfiguration) {
    EXPECT_EQ(parse({"vm.json"}).parsed,
              ParsedCommandLine(RunOptions{.config_path = "vm.json", .check_only = false}));
    EXPECT_EQ(parse({"vm.json", "--check"}).parsed,
              ParsedCommandLine(RunOptions{.config_path = "vm.json", .check_only = true}));
    EXPECT_EQ(parse({"--events-table"}).parsed, ParsedCommandLine(EventsTableOptions{}));
    EXPECT_EQ(parse({"--probe"}).parsed, ParsedCommandLine(ProbeOptions{.json = false}));
    EXPECT_EQ(parse({"--probe", "--json"}).parsed, ParsedCommandLine(ProbeOptions{.json = true}));
}

TEST(CommandLine, ShowsHelpAndVersion) {
    const Outcome version = parse({"--version"});
    EXPECT_EQ(version.parsed, ParsedCommandLine(0));
    EXPECT_THAT(version.output, HasSubstr("hvis-vm "));
    const Outcome help = parse({"--help"});
    EXPECT_EQ(help.parsed, ParsedCommandLine(0));
    EXPECT_THAT(help.output, HasSubstr("Exit status"));
    EXPECT_TRUE(help.errors.empty());
}

TEST(CommandLine, ShowsAnExampleForEveryVerb) {
    const std::vector<std::vector<const char*>> verbs = {{"status"},
                                                         {"stats"},
                                                         {"pause"},
                                                         {"resume"},
                                                         {"reset"},
                                                         {"power-off"},
                                                         {"shutdown"},
                                                         {"restart"},
                                                         {"hibernate"},
                                                         {"wait"},
                                                         {"service", "list"},
                                                         {"service", "enable"},
                                                         {"service", "disable"},
                                                         {"kvp", "list"},
                                                         {"kvp", "get"},
                                                         {"kvp", "set"},
                                                         {"kvp", "add"},
                                                         {"kvp", "delete"},
                                                         {"ip", "show"},
                                                         {"time", "show"},
                                                         {"time", "sync"},
                                                         {"heartbeat", "show"},
                                                         {"heartbeat", "set"},
                                                         {"events"}};
    for (std::vector<const char*> words : verbs) {
        std::string example = "hvis-vm --connect web.sock";
        for (const char* word : words) {
            example += std::string(" ") + word;
        }
        words.push_back("--help");
        const Outcome outcome = parse(words);
        EXPECT_EQ(outcome.parsed, ParsedCommandLine(0));
        EXPECT_THAT(outcome.output, HasSubstr(example));
    }
}

TEST(CommandLine, MakesACommandOfEveryVerb) {
    using control::Command;
    using Machine = control::MachineCommand::Action;
    using Shutdown = control::ShutdownCommand::Action;
    EXPECT_EQ(command_of({"status"}), Command(control::StatusCommand{}));
    EXPECT_EQ(command_of({"stats"}), Command(control::StatsCommand{}));
    EXPECT_EQ(command_of({"pause"}), Command(control::MachineCommand{Machine::kPause}));
    EXPECT_EQ(command_of({"resume"}), Command(control::MachineCommand{Machine::kResume}));
    EXPECT_EQ(command_of({"reset"}), Command(control::MachineCommand{Machine::kReset}));
    EXPECT_EQ(command_of({"power-off"}), Command(control::MachineCommand{Machine::kPowerOff}));
    EXPECT_EQ(command_of({"shutdown"}), Command(control::ShutdownCommand{}));
    EXPECT_EQ(
        command_of({"restart", "--force", "--message", "bye", "--reason", "7", "--timeout", "2m"}),
        Command(
            control::ShutdownCommand{Shutdown::kRestart, true, 7, "bye", Milliseconds(120'000)}));
    EXPECT_EQ(std::get<control::ShutdownCommand>(command_of({"hibernate"})).action,
              Shutdown::kHibernate);
    EXPECT_EQ(command_of({"wait", "--for", "kvp", "--timeout", "500ms"}),
              Command(control::WaitCommand{control::Condition::kKvp, Milliseconds(500)}));
    EXPECT_EQ(command_of({"time", "show"}), Command(control::TimeShowCommand{}));
    EXPECT_EQ(command_of({"time", "sync"}), Command(control::TimeSyncCommand{}));
    EXPECT_EQ(command_of({"ip", "show"}), Command(control::IpShowCommand{}));
    EXPECT_EQ(command_of({"kvp", "watch", "--pool", "auto", "--initial"}),
              Command(control::KvpWatchCommand{.pool = control::Pool::kAuto, .initial = true}));
    const char* adapter = "f8615163-df3e-46c5-913f-f2d2f965ed0e";
    EXPECT_EQ(command_of({"ip", "set", adapter, "--address", "10.0.0.2/24", "--address",
                          "fd00::2/64", "--gateway", "10.0.0.1", "--dns", "10.0.0.3"}),
              Command(control::IpSetCommand{.adapter = adapter,
                                            .dhcp = false,
                                            .addresses = {"10.0.0.2/24", "fd00::2/64"},
                                            .gateways = {"10.0.0.1"},
                                            .dns_servers = {"10.0.0.3"}}));
}

TEST(CommandLine, MakesACommandOfEveryVerbOfTheServices) {
    using control::Command;
    using control::Pool;
    EXPECT_EQ(command_of({"service", "list"}), Command(control::ServiceListCommand{}));
    EXPECT_EQ(command_of({"service", "enable", "kvp"}),
              Command(control::ServiceSwitchCommand{control::Service::kKvp, true}));
    EXPECT_EQ(command_of({"service", "disable", "timesync"}),
              Command(control::ServiceSwitchCommand{control::Service::kTimesync, false}));
    EXPECT_EQ(command_of({"kvp", "list", "--pool", "guest"}),
              Command(control::KvpListCommand{.pool = Pool::kGuest}));
    EXPECT_EQ(command_of({"kvp", "get", "OSName"}),
              Command(control::KvpGetCommand{.key = "OSName"}));
    EXPECT_EQ(command_of({"kvp", "set", "k", "v", "--pool", "parameters"}),
              Command(control::KvpSetCommand{.pool = Pool::kParameters, .key = "k", .value = "v"}));
    EXPECT_EQ(command_of({"kvp", "add", "k", "--", "-v"}),
              Command(control::KvpSetCommand{.key = "k", .value = "-v", .only_add = true}));
    EXPECT_EQ(command_of({"kvp", "delete", "k"}), Command(control::KvpDeleteCommand{.key = "k"}));
    EXPECT_EQ(command_of({"heartbeat", "show"}), Command(control::HeartbeatShowCommand{}));
    EXPECT_EQ(command_of({"heartbeat", "set", "--interval", "1s", "--latency", "300ms", "--misses",
                          "3/5", "--grace", "0s", "--on-loss", "reset", "--attempts", "2"}),
              Command(control::HeartbeatSetCommand{{Milliseconds(1000), Milliseconds(300), 3, 5,
                                                    Milliseconds(0), control::OnLoss::kReset, 2}}));
    EXPECT_EQ(command_of({"events", "--since", "7", "--limit", "3"}),
              Command(control::EventsListCommand{.since = 7, .limit = 3}));
    EXPECT_EQ(command_of({"events", "--follow"}), Command(control::EventsSubscribeCommand{}));
    EXPECT_EQ(command_of({"events", "--follow", "--since", "7"}),
              Command(control::EventsSubscribeCommand{.since = 7}));
}

TEST(CommandLine, TakesJsonBeforeAndAfterTheVerb) {
    for (const auto& words :
         {std::vector<const char*>{"--json", "--connect", "s", "kvp", "list"},
          std::vector<const char*>{"--connect", "s", "kvp", "list", "--json"}}) {
        const Outcome outcome = parse(words);
        const auto* options = std::get_if<ClientOptions>(&outcome.parsed);
        ASSERT_NE(options, nullptr) << outcome.errors;
        EXPECT_TRUE(options->json);
    }
}

TEST(CommandLine, RefusesBadUseWithStatusTwoAndANextStep) {
    struct Case {
        std::vector<const char*> words;
        const char* complaint;
    };
    const std::vector<Case> cases = {
        {{}, "say which configuration to run"},
        {{"status"}, "a verb needs --connect SOCKET"},
        {{"--connect", "s"}, "--connect needs a verb"},
        {{"--connect", "s", "fly"}, "no such verb: fly"},
        {{"--connect", "s", "status", "extra"}, "too many arguments: extra"},
        {{"--connect", "s", "status", "--check"}, "--check is for a configuration file"},
        {{"vm.json", "--frobnicate"}, "--frobnicate"},
        {{"vm.json", "extra"}, "extra"},
        {{"--connect", "s", "status", "--frobnicate"}, "--frobnicate"},
        {{"--connect", "s", "kvp"}, "subcommand"},
        {{"--connect", "s", "kvp", "get"}, "KEY is required"},
        {{"--connect", "s", "kvp", "set", "k"}, "VALUE is required"},
        {{"--connect", "s", "kvp", "list", "--pool", "deep"},
         "expected one of external|guest|auto|parameters"},
        {{"--connect", "s", "kvp", "set", "k", "v", "--pool", "auto"}, "only the guest writes"},
        {{"--connect", "s", "kvp", "get", ""}, "1..254"},
        {{"--connect", "s", "service", "enable", "vss"}, "expected one of heartbeat|shutdown"},
        {{"--connect", "s", "service", "enable"}, "SERVICE is required"},
        {{"--connect", "s", "wait"}, "--for is required"},
        {{"--connect", "s", "wait", "--for", "godot"}, "expected one of running|heartbeat"},
        {{"--connect", "s", "wait", "--for", "ip", "--timeout", "60"}, "expected a duration"},
        {{"--connect", "s", "wait", "--for", "ip", "--timeout", "25h"}, "1..86400000"},
        {{"--connect", "s", "shutdown", "--reason", "-1"}, "--reason"},
        {{"--connect", "s", "heartbeat", "set"}, "nothing to set was given"},
        {{"--connect", "s", "heartbeat", "set", "--misses", "x"}, "expected N/M"},
        {{"--connect", "s", "heartbeat", "set", "--misses", "3/"}, "expected N/M"},
        {{"--connect", "s", "heartbeat", "set", "--misses", "3-5"}, "expected N/M"},
        {{"--connect", "s", "heartbeat", "set", "--misses", "5/3"}, "must not be below"},
        {{"--connect", "s", "events", "--since", "x"}, "--since"},
        {{"--connect", "s", "events", "--limit", "0"}, "1..4096"},
    };
    for (const Case& wrong : cases) {
        const Outcome outcome = parse(wrong.words);
        EXPECT_EQ(outcome.parsed, ParsedCommandLine(2)) << wrong.complaint;
        EXPECT_THAT(outcome.errors, HasSubstr(wrong.complaint));
        EXPECT_THAT(outcome.errors, HasSubstr("see hvis-vm --help"));
        EXPECT_TRUE(outcome.output.empty());
    }
}

}  // namespace
}  // namespace hvis::worker
