// What hvis-vm says to people who make mistakes: one clear line and the right exit status. Needs no
// guest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/machine.h"

namespace hvis::guests {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNotFound = 3;

class BadInput : public testing::Test {
protected:
    /// Runs hvis-vm with a configuration of this text.
    Finished run_config(const std::string& text) {
        write_file(config_, text);
        return run_program({hvis_vm(), config_});
    }
    /// What is wrong with a whole configuration that has one more field.
    std::string complaint(const std::string& field) {
        const Finished finished =
            run_config(R"({"name":"a","memory":"64M","kernel":"/none",)" + field + "}");
        EXPECT_EQ(finished.status, kUsage) << field;
        EXPECT_EQ(std::ranges::count(finished.errors, '\n'), 1) << finished.errors;
        return finished.errors;
    }
    /// The same for a command line.
    static std::string usage_error(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), hvis_vm());
        const Finished finished = run_program(arguments);
        EXPECT_EQ(finished.status, kUsage) << finished.errors;
        EXPECT_EQ(finished.output, "");
        return finished.errors;
    }

    Scratch scratch_;
    std::string config_ = scratch_.path("config.json");
};

TEST_F(BadInput, NamesTheFieldOfTheConfiguration) {
    EXPECT_THAT(complaint(R"("processors":65)"), HasSubstr("/processors: expected integer 1..64"));
    EXPECT_THAT(complaint(R"("processors":"two")"), HasSubstr("/processors"));
    EXPECT_THAT(complaint(R"("memroy":"1G")"), HasSubstr("/memroy: unknown field"));
    EXPECT_THAT(complaint(R"("serial":"tty")"), HasSubstr("/serial: expected"));
    EXPECT_THAT(complaint(R"("services":{"spa":true})"), HasSubstr("/services/spa: unknown field"));
    EXPECT_THAT(complaint(R"("services":{"kvp":"no")"
                          "}"),
                HasSubstr("/services/kvp"));
    EXPECT_THAT(complaint(R"("heartbeat":{"misses":0})"), HasSubstr("/heartbeat/misses"));
    EXPECT_THAT(complaint(R"("heartbeat":{"on_loss":"cry"})"), HasSubstr("/heartbeat/on_loss"));
    EXPECT_THAT(complaint(R"("kvp":{"external":{")" + std::string(255, 'k') + R"(":""}})"),
                HasSubstr("/kvp/external/"));
    EXPECT_THAT(complaint(R"("vmbus":{"max_version":"9.9"})"), HasSubstr("/vmbus/max_version"));
    EXPECT_THAT(complaint(R"("on_crash":"explode")"), HasSubstr("/on_crash: expected one of"));
    EXPECT_THAT(complaint(R"("id":"7")"), HasSubstr("/id: expected a GUID"));
    EXPECT_THAT(complaint(R"("name":"b")"), HasSubstr("name")) << "a key twice";
}

TEST_F(BadInput, NamesTheConfigurationThatIsNone) {
    const Finished missing = run_program({hvis_vm(), scratch_.path("none.json")});
    EXPECT_EQ(missing.status, kUsage);
    EXPECT_THAT(missing.errors, AllOf(HasSubstr("none.json"), HasSubstr("No such file")));
    const Finished broken = run_config("{\"name\": ");
    EXPECT_EQ(broken.status, kUsage);
    EXPECT_THAT(broken.errors, HasSubstr("not valid JSON"));
    const Finished empty = run_config("{}");
    EXPECT_EQ(empty.status, kUsage);
    EXPECT_THAT(empty.errors, HasSubstr("/name: required, but missing"));
}

TEST_F(BadInput, NamesTheKernelThatIsNoFile) {
    const auto boot = [&](const std::string& kernel) {
        return run_config(R"({"name":"a","memory":"64M","serial":"none","kernel":")" + kernel +
                          R"("})");
    };
    const Finished missing = boot("/no/such/kernel");
    EXPECT_EQ(missing.status, kFailed);
    EXPECT_THAT(missing.errors, AllOf(HasSubstr("kernel"), HasSubstr("No such file")));
    const Finished folder = boot("/tmp");
    EXPECT_EQ(folder.status, kFailed);
    EXPECT_THAT(folder.errors, AllOf(HasSubstr("kernel"), HasSubstr("regular file")));
    const Finished initrd = run_config(
        R"({"name":"a","memory":"64M","serial":"none","kernel":"/bin/sh","initrd":"/no/initrd"})");
    EXPECT_EQ(initrd.status, kFailed);
    EXPECT_THAT(initrd.errors, AllOf(HasSubstr("initrd"), HasSubstr("No such file")));
}

TEST_F(BadInput, ChecksAConfigurationWithoutRunningIt) {
    write_file(config_, R"({"name":"a","memory":"64M","kernel":"/none"})");
    EXPECT_EQ(run_program({hvis_vm(), config_, "--check"}).status, 0);
    write_file(config_, R"({"name":"a","memory":"1M","kernel":"/none"})");
    EXPECT_EQ(run_program({hvis_vm(), config_, "--check"}).status, kUsage);
}

TEST_F(BadInput, NamesTheWrongWordOfTheCommandLine) {
    const std::string socket = scratch_.path("socket");
    EXPECT_THAT(usage_error({}), HasSubstr("--help"));
    EXPECT_THAT(usage_error({"--fly"}), HasSubstr("--fly"));
    EXPECT_THAT(usage_error({"--connect", socket}), HasSubstr("verb"));
    EXPECT_THAT(usage_error({"status"}), HasSubstr("--connect"));
    EXPECT_THAT(usage_error({"--connect", socket, "dance"}), HasSubstr("dance"));
    EXPECT_THAT(usage_error({"--connect", socket, "service", "enable", "spa"}),
                HasSubstr("heartbeat|shutdown|timesync|kvp"));
    EXPECT_THAT(usage_error({"--connect", socket, "service", "enable"}), HasSubstr("SERVICE"));
    EXPECT_THAT(usage_error({"--connect", socket, "kvp", "list", "--pool", "car"}),
                HasSubstr("external|guest|auto|parameters"));
    EXPECT_THAT(usage_error({"--connect", socket, "kvp", "set", std::string(255, 'k'), "v"}),
                HasSubstr("254"));
    EXPECT_THAT(usage_error({"--connect", socket, "kvp", "set", "k", std::string(1023, 'v')}),
                HasSubstr("1022"));
    EXPECT_THAT(usage_error({"--connect", socket, "kvp", "set", "k", "v", "--pool", "auto"}),
                HasSubstr("pool"));
    EXPECT_THAT(usage_error({"--connect", socket, "wait", "--for", "godot"}), HasSubstr("running"));
    EXPECT_THAT(usage_error({"--connect", socket, "wait", "--for", "kvp", "--timeout", "soon"}),
                HasSubstr("--timeout"));
    EXPECT_THAT(usage_error({"--connect", socket, "heartbeat", "set", "--misses", "many"}),
                HasSubstr("--misses"));
}

TEST_F(BadInput, SaysThatNoMachineAnswers) {
    const Finished finished =
        run_program({hvis_vm(), "--connect", scratch_.path("socket"), "status"});
    EXPECT_EQ(finished.status, kNotFound);
    EXPECT_THAT(finished.errors, HasSubstr("no machine answers"));
}

TEST_F(BadInput, ShowsHelpWhenAskedTo) {
    const Finished help = run_program({hvis_vm(), "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_THAT(help.output, AllOf(HasSubstr("CONFIG"), HasSubstr("--connect")));
    EXPECT_EQ(run_program({hvis_vm(), "--version"}).status, 0);
    EXPECT_EQ(run_program({hvis_vm(), "kvp", "set", "--help"}).status, 0);
}

}  // namespace
}  // namespace hvis::guests
