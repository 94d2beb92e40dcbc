#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/completion.h"
#include "cli/fake_hvisd.h"

namespace hvis::cli {
namespace {

using testing::HasSubstr;

// zsh completes only where somebody types: one on a terminal of its own reads the line, hits Tab,
// and writes down what the completion system is offered and what becomes of the line.
constexpr const char* kTypeInZsh = R"(
zmodload zsh/zpty
zpty typist "zsh -f -i"
zpty -w typist "source $HVIS_TYPIST"
while zpty -r typist screen; do done
cat $HVIS_OFFERS
)";
constexpr const char* kZshTypist = R"(
[[ -n $HVIS_FPATH ]] && fpath=($HVIS_FPATH $fpath)
autoload -Uz compinit && compinit -D -u
[[ -n $HVIS_FPATH ]] || source $HVIS_SCRIPT
compadd() {
    # With these it only asks what would fit.
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
    local -a fitting
    builtin compadd -A fitting "$@"
    print -lr -- $fitting >>$HVIS_OFFERS
    builtin compadd "$@"
}
type_line() {
    BUFFER=$HVIS_LINE
    CURSOR=$#BUFFER
    zle complete-word
    print -r -- "> $BUFFER" >>$HVIS_OFFERS
    exit
}
zle -N zle-line-init type_line
)";

/// The real program, the real shells, and a fake hvisd with the VMs web and db.
class CompletionScripts : public testing::Test {
protected:
    CompletionScripts() {
        for (const char* shell : {"bash", "fish", "zsh"}) {
            write("hvis." + std::string(shell), completion_script(shell));
        }
        write("typist", kZshTypist);
        ::setenv("HVIS_TYPIST", file("typist").c_str(), 1);
        ::setenv("HVIS_OFFERS", file("offers").c_str(), 1);
        ::setenv("HVIS_SCRIPT", file("hvis.zsh").c_str(), 1);
        ::setenv("HVIS_FPATH", "", 1);
        // Nothing of whoever runs the test, and nothing left behind in their home.
        ::setenv("HOME", hvisd_.directory().c_str(), 1);
        ::setenv("HVIS_SOCKET", hvisd_.path().c_str(), 1);
        const std::string program = HVIS_PROGRAM;
        const std::string path = std::getenv("PATH");
        ::setenv("PATH", (program.substr(0, program.rfind('/')) + ":" + path).c_str(), 1);
    }

    [[nodiscard]] std::string file(const std::string& name) const {
        return hvisd_.directory() + "/" + name;
    }
    void write(const std::string& name, std::string_view text) const {
        std::ofstream(file(name)) << text;
    }

    /// What these commands print in a shell; for as long as it takes.
    [[nodiscard]] std::string run(const std::string& shell, const std::string& commands) const {
        write("commands", commands);
        const std::string line = shell + " " + file("commands") + " 2>/dev/null";
        // NOLINTNEXTLINE(cert-env33-c): shells are what this is about
        const std::unique_ptr<FILE, int (*)(FILE*)> output(::popen(line.c_str(), "r"), ::pclose);
        std::string text;
        std::array<char, 4096> piece = {};
        while (output != nullptr &&
               std::fgets(piece.data(), piece.size(), output.get()) != nullptr) {
            text += piece.data();
        }
        return text;
    }

    /// What bash offers for these words, of which the last is being typed.
    [[nodiscard]] std::string offered_by_bash(const std::string& words) const {
        return run("bash", "source " + file("hvis.bash") + "; COMP_WORDS=(hvis " + words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _hvis; "
                               "echo \"${COMPREPLY[*]}\"");
    }

    /// What zsh offers for this line, one a line, and behind ">" the line after Tab.
    [[nodiscard]] std::string offered_by_zsh(const std::string& line) const {
        ::setenv("HVIS_LINE", line.c_str(), 1);
        std::filesystem::remove(file("offers"));
        return run("zsh -f", kTypeInZsh);
    }

    /// What fish offers for this line: "word\tdescription", one a line.
    [[nodiscard]] std::string offered_by_fish(const std::string& line) const {
        ::setenv("HVIS_LINE", line.c_str(), 1);
        return run("fish --no-config",
                   "source " + file("hvis.fish") + "\ncomplete -C \"$HVIS_LINE\"");
    }

    FakeHvisd& hvisd() { return hvisd_; }

private:
    FakeHvisd hvisd_;
};

TEST_F(CompletionScripts, BashOffersVerbsAndLiveNames) {
    EXPECT_EQ(offered_by_bash("st"), "start stop status stats\n");
    EXPECT_EQ(offered_by_bash("status ''"), "db web\n");
    EXPECT_EQ(offered_by_bash("kvp get web O"), "OSName\n");
    EXPECT_EQ(offered_by_bash("nonsense ''"), "\n");
}

TEST_F(CompletionScripts, BashPutsItsHalvesOfAnOptionTogether) {
    EXPECT_EQ(offered_by_bash("kvp list web --pool = e"), "external\n");
    EXPECT_EQ(offered_by_bash("kvp list web --pool = "), "external guest auto parameters\n");
    EXPECT_EQ(offered_by_bash("kvp list web --pool e"), "external\n");
    EXPECT_EQ(offered_by_bash("vm set web --service-version kvp = 4"), "4.0\n");
    EXPECT_EQ(offered_by_bash("vm set web --service-version kv"),
              "kvp=3.0 kvp=4.0 kvp=5.0 kvp=newest\n");
}

TEST_F(CompletionScripts, BashOffersFiles) {
    EXPECT_EQ(offered_by_bash("vm create x --kernel " + file("hvis.ba")), file("hvis.bash") + "\n");
}

TEST_F(CompletionScripts, ZshOffersVerbsOptionsAndLiveNames) {
    EXPECT_EQ(offered_by_zsh("hvis st"), "start\nstop\nstatus\nstats\n> hvis st\n");
    EXPECT_EQ(offered_by_zsh("hvis status "), "db\nweb\n> hvis status \n");
    EXPECT_EQ(offered_by_zsh("hvis status w"), "web\n> hvis status web \n");
    EXPECT_EQ(offered_by_zsh("hvis kvp list web --po"), "--pool\n> hvis kvp list web --pool \n");
    EXPECT_EQ(offered_by_zsh("hvis nonsense "), "> hvis nonsense \n");
}

TEST_F(CompletionScripts, ZshOffersTheValueBehindAnEqualsSign) {
    EXPECT_EQ(offered_by_zsh("hvis kvp list web --pool=e"),
              "--pool=external\n> hvis kvp list web --pool=external \n");
    EXPECT_THAT(offered_by_zsh("hvis vm create x --kernel=" + file("hvis.z")),
                HasSubstr("> hvis vm create x --kernel=" + file("hvis.zsh") + " \n"));
}

TEST_F(CompletionScripts, ZshOffersFilesAndFolders) {
    EXPECT_THAT(offered_by_zsh("hvis vm create x --kernel " + file("hvis.z")),
                HasSubstr("> hvis vm create x --kernel " + file("hvis.zsh") + " \n"));
    write("saved", "a file is no folder");
    std::filesystem::create_directory(file("saved web"));
    EXPECT_THAT(offered_by_zsh("hvis vm export web " + file("save")),
                HasSubstr("> hvis vm export web " + file("saved\\ web") + "/\n"));
}

TEST_F(CompletionScripts, ZshQuotesAndReadsQuotes) {
    hvisd().answer("GET /api/v1/vms/web/kvp/auto", 200,
                   R"({"pool":"auto","pairs":[{"key":"a: b\\c","value":"x"}]})");
    EXPECT_THAT(offered_by_zsh("hvis kvp get web "),
                HasSubstr("> hvis kvp get web a:\\ b\\\\c \n"));
    EXPECT_THAT(offered_by_zsh("hvis kvp get web a:\\ "),
                HasSubstr("> hvis kvp get web a:\\ b\\\\c \n"));
    EXPECT_THAT(offered_by_zsh("hvis kvp get 'web' 'a: "),
                HasSubstr("> hvis kvp get 'web' 'a: b\\c' \n"));
}

TEST_F(CompletionScripts, ZshLoadsItFromItsSearchPath) {
    std::filesystem::create_directory(file("functions"));
    write("functions/_hvis", completion_script("zsh"));
    ::setenv("HVIS_FPATH", file("functions").c_str(), 1);
    EXPECT_EQ(offered_by_zsh("hvis status w"), "web\n> hvis status web \n");
}

TEST_F(CompletionScripts, FishOffersVerbsOptionsAndLiveNames) {
    EXPECT_EQ(offered_by_fish("hvis st"),
              "start\tStart a VM\nstats\tExits by reason, ring traffic, heartbeat round trips\n"
              "status\tState, guest and services on one screen\n"
              "stop\tShut the guest down cleanly, or cut its power\n");
    EXPECT_EQ(offered_by_fish("hvis status "), "db\tfailed\nweb\trunning\n");
    EXPECT_EQ(offered_by_fish("hvis kvp list web --po"), "--pool\twhich pool\n");
    EXPECT_EQ(offered_by_fish("hvis nonsense "), "");
}

TEST_F(CompletionScripts, FishOffersTheValueBehindAnEqualsSign) {
    EXPECT_EQ(offered_by_fish("hvis kvp list web --pool=e"), "--pool=external\n");
    EXPECT_EQ(offered_by_fish("hvis vm create x --kernel=" + file("hvis.f")),
              "--kernel=" + file("hvis.fish") + "\n");
}

TEST_F(CompletionScripts, FishOffersFilesAndFolders) {
    EXPECT_EQ(offered_by_fish("hvis vm create x --kernel " + file("hvis.f")),
              file("hvis.fish") + "\n");
    write("saved", "a file is no folder");
    std::filesystem::create_directory(file("saved web"));
    EXPECT_EQ(offered_by_fish("hvis vm export web " + file("save")),
              file("saved web") + "/\tDirectory\n");
}

TEST_F(CompletionScripts, FishReadsQuotes) {
    hvisd().answer("GET /api/v1/vms/web/kvp/auto", 200,
                   R"({"pool":"auto","pairs":[{"key":"a b","value":"x"}]})");
    EXPECT_THAT(offered_by_fish("hvis kvp get web 'a "), HasSubstr("a b"));
    EXPECT_THAT(offered_by_fish("hvis kvp get web a\\ "), HasSubstr("a b"));
}

}  // namespace
}  // namespace hvis::cli
