#include "manager/config_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "manager/store/test_file.h"

namespace hvis::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A configuration that would work, in a folder of its own.
class ConfigCheckTest : public testing::Test {
protected:
    ConfigCheckTest() {
        config_.directories = {.state = folder_.file("state"), .runtime = folder_.file("run")};
    }
    std::vector<std::string> found() {
        std::vector<std::string> messages;
        for (const control::Failure& failure : check_config(config_, worker_)) {
            EXPECT_NE(failure.hint, "") << failure.message;
            EXPECT_EQ(failure.code, control::ErrorCode::kUsage) << failure.message;
            messages.push_back(failure.message);
        }
        return messages;
    }

    TestFolder folder_;
    Config config_;
    std::string worker_ = "/bin/true";
};

TEST_F(ConfigCheckTest, FindsNothingInWhatWorks) {
    config_.hooks.programs = {
        {.name = "mail", .command = {"/bin/true"}, .timeout = {}, .filter = {}}};
    config_.roles.users = {{"root", Role::kViewer}, {"1005", Role::kViewer}};
    config_.socket.path = folder_.file("hvisd.sock");
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(ConfigCheckTest, FindsNamesThatThisHostHasNot) {
    config_.roles.users = {{"no-such-eve", Role::kViewer}, {"root", Role::kViewer}};
    config_.roles.groups = {{"no-such-group", Role::kViewer}};
    config_.socket.group = "no-such-group";
    EXPECT_THAT(found(), ElementsAre("socket.group: this host has no group \"no-such-group\"",
                                     "roles.users: this host has no user \"no-such-eve\"",
                                     "roles.groups: this host has no group \"no-such-group\""));
}

TEST_F(ConfigCheckTest, FindsProgramsThatCannotBeRun) {
    write_file(folder_.file("plain"), "#!/bin/sh\n");
    worker_ = folder_.file("none");
    for (const std::string& command : {folder_.file("plain"), std::string("/tmp")}) {
        config_.hooks.programs.push_back(
            {.name = "mail", .command = {command}, .timeout = {}, .filter = {}});
    }
    EXPECT_THAT(found(), ElementsAre("workers.program: " + worker_ +
                                         " cannot be run: No such file or directory",
                                     "hook.command of mail: " + folder_.file("plain") +
                                         " cannot be run: Permission denied",
                                     "hook.command of mail: /tmp is no program"));
}

TEST_F(ConfigCheckTest, FindsPlacesThatCannotBeUsed) {
    write_file(folder_.file("plain"), "");
    config_.directories = {.state = folder_.file("plain"), .runtime = folder_.file("none/run")};
    config_.socket.path = folder_.file("plain");
    EXPECT_THAT(found(), ElementsAre(HasSubstr("plain is no directory"),
                                     HasSubstr("none/run cannot be made in"),
                                     HasSubstr("is there already, and no socket")));
    config_.directories = {.state = folder_.file("none"), .runtime = folder_.file("none/run")};
    config_.socket.path.clear();
    EXPECT_THAT(found(), IsEmpty()) << "the second is made in the first";
}

TEST_F(ConfigCheckTest, FindsWhatTlsCannotUse) {
    write_file(folder_.file("plain"), "no PEM");
    config_.listen = {
        .address = "here:8443", .certificate = folder_.file("plain"), .key = folder_.file("none")};
    WebhookConfig pager;
    pager.name = "pager";
    pager.url = "https://:1";
    pager.ca_file = folder_.file("plain");
    config_.hooks.webhooks = {pager};
    EXPECT_THAT(found(), ElementsAre(HasSubstr("listen.address: here:8443 is not an address"),
                                     HasSubstr("listen.key: " + folder_.file("none")),
                                     HasSubstr("listen.certificate: " + folder_.file("plain")),
                                     HasSubstr("webhook.url of pager: https://:1"),
                                     HasSubstr("webhook.ca_file of pager: ")));
}

}  // namespace
}  // namespace hvis::manager
