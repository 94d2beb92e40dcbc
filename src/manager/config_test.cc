#include "manager/config.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const ConfigEnvironment kRoot{
    .root = true, .home = {}, .xdg_state_home = {}, .xdg_runtime_dir = {}};
constexpr std::string_view kSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

std::string documented() { return read_file(HVIS_EXAMPLE_TOML); }

/// The file with its examples switched on: a '#' right before a key or a table.
std::string with_examples() {
    std::istringstream lines(documented());
    std::string text;
    for (std::string line; std::getline(lines, line);) {
        if (line == "users = {}" || line == "groups = {}") {
            continue;  // An example of each follows.
        }
        const bool example = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        text += (example ? line.substr(1) : line) + '\n';
    }
    return text;
}

/// "[[webhook]]", "#[listen]": the name; empty for any other line.
std::string table_of(std::string_view line) {
    if (line.starts_with('#')) {
        line.remove_prefix(1);
    }
    if (!line.starts_with('[') || !line.ends_with(']')) {
        return {};
    }
    const size_t begin = line.find_first_not_of('[');
    return std::string(line.substr(begin, line.find(']') - begin));
}

/// "#url = …", "# secret_file = …": the key; empty for any other line.
std::string key_of(std::string_view line) {
    line.remove_prefix(std::min(line.size(), line.find_first_not_of("# ")));
    const size_t end = line.find(" = ");
    const std::string_view key = line.substr(0, end);
    const bool plain =
        end != std::string_view::npos &&
        key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
    return plain ? std::string(key) : std::string();
}

Config read(std::string_view text) {
    auto config = parse_config(text, "hvisd.toml", kRoot);
    EXPECT_TRUE(config) << config.error();
    return config ? *config : Config{};
}

std::string complaint(std::string_view text) {
    const auto config = parse_config(text, "hvisd.toml", kRoot);
    return config ? "accepted" : config.error();
}

std::string webhook_with(std::string_view line) {
    return "[[webhook]]\nname = \"pager\"\nurl = \"https://x\"\nsecret = \"" +
           std::string(kSecret) + "\"\n" + std::string(line);
}

TEST(ManagerConfig, IsDocumentedWithItsDefaults) {
    EXPECT_EQ(read(documented()), default_config(kRoot));
    EXPECT_EQ(read(""), default_config(kRoot));
}

TEST(ManagerConfig, IsDocumentedKeyByKey) {
    std::set<std::string> found;
    std::string section;
    std::istringstream lines(documented());
    for (std::string line; std::getline(lines, line);) {
        if (const std::string table = table_of(line); !table.empty()) {
            section = table;
        } else if (const std::string key = key_of(line); !key.empty()) {
            found.insert(section + '.' + key);
        }
    }
    const auto keys = config_keys();
    EXPECT_EQ(found, std::set<std::string>(keys.begin(), keys.end()));
}

TEST(ManagerConfig, HasExamplesThatWork) {
    const Config config = read(with_examples());
    EXPECT_EQ(config.workers.program, "/usr/libexec/hvis/hvis-vm");
    EXPECT_EQ(config.socket.path, "/run/hvis/hvisd.sock");
    EXPECT_EQ(config.socket.group, "hvis");
    EXPECT_EQ(config.roles.users.at("alice"), Role::kOperator);
    EXPECT_EQ(config.roles.users.at("1005"), Role::kViewer);
    EXPECT_EQ(config.roles.groups.at("hvis-admin"), Role::kAdministrator);
    ASSERT_TRUE(config.listen);
    EXPECT_EQ(config.listen->address, "[::]:8443");
    EXPECT_EQ(config.listen->certificate, "/etc/hvis/tls.crt");
    ASSERT_EQ(config.hooks.webhooks.size(), 1U);
    const WebhookConfig& webhook = config.hooks.webhooks[0];
    EXPECT_EQ(webhook.name, "pager");
    EXPECT_EQ(webhook.key.size(), 24U);
    EXPECT_EQ(webhook.ca_file, "/etc/hvis/pager-ca.pem");
    EXPECT_THAT(webhook.filter.ids, ElementsAre(3001, 1007, 8001));
    EXPECT_THAT(webhook.filter.vms, ElementsAre("web", "mail"));
    ASSERT_EQ(config.hooks.programs.size(), 1U);
    EXPECT_THAT(config.hooks.programs[0].command,
                ElementsAre("/usr/local/bin/mail-admin", "--urgent"));
    EXPECT_EQ(config.hooks.programs[0].filter.at_least, control::Severity::kError);
}

TEST(ManagerConfig, ReadsEachValue) {
    const Config config = read(
        "[directories]\nstate = \"/a\"\nruntime = \"/b\"\n[workers]\nlauncher = \"child\"\n"
        "[store]\nmax_size = \"0\"\n[events]\nkeep = 5000\nmax_age = \"36h\"\n"
        "journal = \"none\"\n[socket]\nmode = 0o600\n");
    EXPECT_EQ(config.directories, (Config::Directories{.state = "/a", .runtime = "/b"}));
    EXPECT_EQ(config.workers.launcher, Config::Workers::Launcher::kChild);
    EXPECT_EQ(config.store.max_size, 0U);
    EXPECT_EQ(config.events.keep, 5000U);
    EXPECT_EQ(config.events.max_age, std::chrono::hours(36));
    EXPECT_EQ(config.events.journal, JournalSink::Where::kNone);
    EXPECT_EQ(config.socket.mode, 0600U);
    EXPECT_EQ(read("[store]\nmax_size = \"512M\"").store.max_size, uint64_t{512} << 20U);
}

TEST(ManagerConfig, SaysWhereAndWhatIsWrongInOneLine) {
    EXPECT_EQ(complaint("[events]\n  keep = 5\n"),
              "hvisd.toml:2:10: events.keep: expected a whole number 1000..1000000000");
    EXPECT_EQ(complaint("[events]\nkeeep = 5\n"),
              "hvisd.toml:2:9: events.keeep: unknown key; known are journal, keep, max_age");
    EXPECT_THAT(complaint("[event]\n"), HasSubstr("event: unknown key; known are directories"));
    EXPECT_THAT(complaint("[events]\nkeep = \n"), StartsWith("hvisd.toml:2:"));
    EXPECT_THAT(complaint("[events]\nkeep = \n"), HasSubstr("not valid TOML"));
    EXPECT_THAT(complaint("[events]\nkeep = t\n"),
                AllOf(HasSubstr("not valid TOML"), Not(HasSubstr("\n"))));
    EXPECT_THAT(complaint("[events]\n\"ke\\nep\" = 1\n"), Not(HasSubstr("\n")));
    EXPECT_THAT(complaint("events = 1"), HasSubstr("expected a table, [events]"));
    EXPECT_THAT(complaint("[events]\nmax_age = 90"), HasSubstr("expected a duration"));
    EXPECT_THAT(complaint("[events]\nmax_age = \"5s\""), HasSubstr("from 1 h"));
    EXPECT_THAT(complaint("[events]\njournal = \"x\""), HasSubstr("one of auto, stderr, none"));
    EXPECT_THAT(complaint("[store]\nmax_size = 8"), HasSubstr("expected a size"));
    EXPECT_THAT(complaint("[store]\nmax_size = \"9999999T\""), HasSubstr("expected a size"));
    EXPECT_THAT(complaint("[directories]\nstate = \"here\""), HasSubstr("an absolute path"));
    EXPECT_THAT(complaint("[directories]\nruntime = \"/" + std::string(53, 'x') + "\""),
                HasSubstr("expected a text of 1..53 bytes"));
    EXPECT_THAT(complaint("[roles]\nusers = { eve = \"root\" }"),
                HasSubstr("roles.users: eve: expected one of viewer, operator, administrator"));
    EXPECT_THAT(complaint("[listen]\naddress = \"x:1\""),
                HasSubstr("listen.certificate: required"));
    EXPECT_THAT(complaint("[listen]\naddress = \"x\"\ncertificate = \"/a\"\nkey = \"/b\""),
                HasSubstr("expected ADDRESS:PORT"));
    EXPECT_THAT(complaint(std::string(kMaxConfigBytes + 1, '#')), HasSubstr("longer than"));
}

TEST(ManagerConfig, ComplainsOfAllThatIsWrongAtOnceAndOfEachOnce) {
    const auto read = read_config(
        "[events]\nkeep = 5\nfirst = 1\nsecond = 2\n[store]\nmax_size = 1\n"
        "[listen]\naddress = 1\n[[webhook]]\nsecret = 1\n[[hook]]\ncommand = 1\n",
        "f", kRoot);
    EXPECT_THAT(
        read.complaints,
        ElementsAre(HasSubstr("store.max_size: expected a size"),
                    HasSubstr("events.keep: expected a whole number"),
                    HasSubstr("events.first: unknown key"), HasSubstr("events.second: unknown key"),
                    HasSubstr("listen.certificate: required"), HasSubstr("listen.key: required"),
                    HasSubstr("listen.address: expected a text"),
                    HasSubstr("webhook.name: required"), HasSubstr("webhook.url: required"),
                    HasSubstr("webhook.secret: expected a text"), HasSubstr("hook.name: required"),
                    HasSubstr("hook.command: expected a list")));
    EXPECT_EQ(read.config.events, default_config(kRoot).events);
    std::string many;
    constexpr size_t kMaxErrors = 50;  // TomlReader::Document's
    for (size_t line = 0; line <= kMaxErrors; ++line) {
        many += "key" + std::to_string(line) + " = 1\n";
    }
    EXPECT_EQ(read_config(many, "f", kRoot).complaints.size(), kMaxErrors);
}

TEST(ManagerConfig, ChecksWebhooksAndHooks) {
    EXPECT_EQ(read(webhook_with("")).hooks.webhooks[0].timeout, std::chrono::seconds(10));
    EXPECT_THAT(complaint(webhook_with("secret_file = \"/x\"")), HasSubstr("either secret or"));
    EXPECT_THAT(complaint(webhook_with("events = [\"nonsense\"]")),
                HasSubstr("no such event: nonsense"));
    EXPECT_THAT(complaint(webhook_with("severity = \"loud\"")), HasSubstr("one of info, warning"));
    EXPECT_THAT(complaint(webhook_with("vms = [1]")), HasSubstr("expected a text in the list"));
    EXPECT_THAT(complaint("[[webhook]]\nurl = \"https://x\""), HasSubstr("name: required"));
    EXPECT_THAT(complaint("[[webhook]]\nname = \"a b\"\nurl = \"https://x\""),
                HasSubstr("expected letters"));
    EXPECT_THAT(complaint("[[webhook]]\nname = \"a\"\nurl = \"ftp://x\""), HasSubstr("http://"));
    EXPECT_THAT(complaint("[[webhook]]\nname = \"a\"\nurl = \"http://x\"\nsecret = \"short\""),
                HasSubstr("expected whsec_"));
    EXPECT_THAT(complaint("[[hook]]\nname = \"a\"\ncommand = [\"relative\"]"),
                HasSubstr("absolute path"));
    EXPECT_THAT(complaint(webhook_with("[[hook]]\nname = \"pager\"\ncommand = [\"/x\"]")),
                HasSubstr("given to another webhook or hook already"));
    EXPECT_THAT(complaint("webhook = 5"), HasSubstr("expected at most 32 tables"));
}

TEST(ManagerConfig, ReadsTheSecretFromAFileToo) {
    const TestFolder folder;
    write_file(folder.file("key"), std::string(kSecret) + "\n");
    const std::string text = "[[webhook]]\nname = \"a\"\nurl = \"http://x\"\nsecret_file = \"";
    const Config config = read(text + folder.file("key") + "\"");
    ASSERT_EQ(config.hooks.webhooks.size(), 1U);
    EXPECT_EQ(config.hooks.webhooks[0].key, read(webhook_with("")).hooks.webhooks[0].key);
    EXPECT_THAT(complaint(text + folder.file("none") + "\""), HasSubstr("cannot be read"));
}

TEST(ManagerConfig, FollowsTheXdgDirectoriesWithoutRoot) {
    const ConfigEnvironment user{.root = false,
                                 .home = "/home/eva",
                                 .xdg_state_home = {},
                                 .xdg_runtime_dir = "/run/user/1000"};
    EXPECT_EQ(default_config(user).directories.state, "/home/eva/.local/state/hvis");
    EXPECT_EQ(default_config(user).directories.runtime, "/run/user/1000/hvis");
    ConfigEnvironment other = user;
    other.xdg_state_home = "/data/state";
    other.xdg_runtime_dir.clear();
    EXPECT_EQ(default_config(other).directories.state, "/data/state/hvis");
    EXPECT_EQ(default_config(other).directories.runtime, "/data/state/hvis/run");
}

TEST(ManagerConfig, IsLoadedFromAFileThatMayBeMissing) {
    const TestFolder folder;
    const std::string path = folder.file("hvisd.toml");
    EXPECT_EQ(*load_config(path, true, kRoot), default_config(kRoot));
    EXPECT_THAT(load_config(path, false, kRoot).error(), HasSubstr("cannot be read"));
    write_file(path, "[events]\nkeep = 5000\n");
    EXPECT_EQ(load_config(path, false, kRoot)->events.keep, 5000U);
    write_file(path, "");
    EXPECT_EQ(*load_config(path, false, kRoot), default_config(kRoot));
}

}  // namespace
}  // namespace hvis::manager
