#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/completion.h"
#include "cli/doctor/check.h"
#include "cli/fake_hvisd.h"

namespace hvis::cli {
namespace {

using testing::HasSubstr;

/// The real program, the real shells, and a fake hvisd with the VMs web and db.
class CompletionScripts : public testing::Test {
protected:
    CompletionScripts() {
        for (const char* shell : {"bash", "fish", "zsh"}) {
            std::ofstream(script(shell)) << completion_script(shell);
        }
        ::setenv("HVIS_SOCKET", hvisd_.path().c_str(), 1);
        const std::string program = HVIS_PROGRAM;
        const std::string path = std::getenv("PATH");
        ::setenv("PATH", (program.substr(0, program.rfind('/')) + ":" + path).c_str(), 1);
    }

    [[nodiscard]] std::string script(const std::string& shell) const {
        return hvisd_.directory() + "/hvis." + shell;
    }

    static std::string run(const std::string& shell, const std::string& commands) {
        const Host host = Host::real();
        const std::string program = host.find_program(shell);
        return program.empty() ? std::string() : host.run({program, "-c", commands}).output;
    }

    /// What bash offers for these words, of which the last is being typed.
    [[nodiscard]] std::string offered_by_bash(const std::string& words) const {
        return run("bash", "source " + script("bash") + "; COMP_WORDS=(hvis " + words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _hvis; "
                               "echo \"${COMPREPLY[*]}\"");
    }

private:
    FakeHvisd hvisd_;
};

TEST_F(CompletionScripts, BashOffersVerbsAndLiveNames) {
    EXPECT_EQ(offered_by_bash("st"), "start stop status\n");
    EXPECT_EQ(offered_by_bash("status ''"), "db web\n");
    EXPECT_EQ(offered_by_bash("kvp get web O"), "OSName\n");
    EXPECT_EQ(offered_by_bash("nonsense ''"), "\n");
}

TEST_F(CompletionScripts, BashPutsItsHalvesOfAnOptionTogether) {
    EXPECT_EQ(offered_by_bash("kvp list web --pool = e"), "external\n");
    EXPECT_EQ(offered_by_bash("kvp list web --pool = "), "external guest auto parameters\n");
    EXPECT_EQ(offered_by_bash("kvp list web --pool e"), "external\n");
}

TEST_F(CompletionScripts, BashOffersFiles) {
    EXPECT_EQ(offered_by_bash("vm create x --kernel " + script("ba")), script("bash") + "\n");
}

TEST_F(CompletionScripts, FishOffersTheSameWhereItIsInstalled) {
    if (const std::string fish = Host::real().find_program("fish"); !fish.empty()) {
        EXPECT_THAT(run("fish", "source " + script("fish") + "; complete -C 'hvis status '"),
                    HasSubstr("web\trunning"));
    }
    EXPECT_THAT(completion_script("fish"), HasSubstr("complete -c hvis"));
}

TEST_F(CompletionScripts, ZshReadsItsScriptWhereItIsInstalled) {
    if (const std::string zsh = Host::real().find_program("zsh"); !zsh.empty()) {
        EXPECT_EQ(run("zsh", "zsh -n " + script("zsh") + " && echo good"), "good\n");
    }
    EXPECT_THAT(completion_script("zsh"), HasSubstr("#compdef hvis"));
}

}  // namespace
}  // namespace hvis::cli
