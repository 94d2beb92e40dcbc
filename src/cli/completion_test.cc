#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"
#include "cli/fake_hvisd.h"

namespace hvis::cli {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

/// The words offered for the last of `words`; what hvisd was asked goes to `question`.
std::vector<std::string> offered(const std::vector<std::string>& words,
                                 Question* question = nullptr) {
    Chosen chosen;
    const auto tree = make_tree(chosen);
    std::vector<std::string> offers;
    for (const Candidate& candidate : complete(*tree, words, [&](const Question& asked) {
             if (question != nullptr) {
                 *question = asked;
             }
             return std::vector<Candidate>{{"live", ""}};
         })) {
        offers.push_back(candidate.word);
    }
    return offers;
}

TEST(Completion, OffersNounsVerbsAndOptionsOfTheTree) {
    EXPECT_THAT(offered({""}), AllOf(Contains("vm"), Contains("status"), Contains("completion")));
    EXPECT_THAT(offered({"st"}), ElementsAre("start", "stop", "status", "stats"));
    EXPECT_THAT(offered({"vm", "cr"}), ElementsAre("create"));
    EXPECT_THAT(offered({"--json", "heartbeat", ""}), ElementsAre("show", "set", "test"));
    EXPECT_THAT(offered({"vm", "create", "--kern"}), ElementsAre("--kernel"));
    EXPECT_THAT(offered({"status", "--so"}), ElementsAre("--socket"));
    EXPECT_THAT(offered({"vm", "create", "x", "--h"}), ElementsAre("--help"));
    EXPECT_THAT(offered({"nonsense", ""}), Not(Contains("live")));
}

TEST(Completion, OffersTheWordsOfAChoice) {
    EXPECT_THAT(offered({"kvp", "list", "web", "--pool", ""}),
                ElementsAre("external", "guest", "auto", "parameters"));
    EXPECT_THAT(offered({"kvp", "list", "--pool=e"}), ElementsAre("--pool=external"));
    for (const char* writer : {"set", "add", "delete", "import"}) {
        EXPECT_THAT(offered({"kvp", writer, "web", "--pool", ""}),
                    ElementsAre("external", "parameters"))
            << writer;
    }
    EXPECT_THAT(offered({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
    EXPECT_THAT(offered({"vm", "create", "x", "--disable", "k"}), ElementsAre("kvp"));
    EXPECT_THAT(offered({"vm", "set", "web", "--vmbus-version", "5"}),
                ElementsAre("5.0", "5.1", "5.2", "5.3"));
    EXPECT_THAT(offered({"vm", "set", "web", "--restart-"}),
                ElementsAre("--restart-attempts", "--restart-delay", "--restart-longest-delay",
                            "--restart-forgive-after"));
    EXPECT_THAT(offered({"list", "--nonsense=x"}), IsEmpty());
}

TEST(Completion, AsksHvisdForWhatLives) {
    Question question;
    EXPECT_THAT(offered({"status", ""}, &question), ElementsAre("live"));
    EXPECT_EQ(question.type, "NAME");
    EXPECT_THAT(offered({"service", "enable", "web", ""}, &question), ElementsAre("live"));
    EXPECT_EQ(question.type, "SERVICE");
    EXPECT_EQ(question.vm, "web");
    offered({"kvp", "get", "web", ""}, &question);
    EXPECT_EQ(question.type, "KEY");
    EXPECT_EQ(question.pool, "auto");
    offered({"kvp", "set", "web", ""}, &question);
    EXPECT_EQ(question.pool, "external");
    offered({"kvp", "get", "--pool", "guest", "web", ""}, &question);
    EXPECT_EQ(question.pool, "guest");
    offered({"operation", "wait", ""}, &question);
    EXPECT_EQ(question.type, "OPERATION");
    EXPECT_THAT(offered({"status", "web", ""}), IsEmpty());
}

TEST(Completion, LeavesPathsToTheShell) {
    EXPECT_THAT(offered({"vm", "create", "x", "--kernel", "/bo"}), ElementsAre(kCompleteFiles));
    EXPECT_THAT(offered({"vm", "export", "web", ""}), ElementsAre(kCompleteDirectories));
    EXPECT_THAT(offered({"vm", "create", "x", "--memory", ""}), ElementsAre("live"));
}

TEST(Completion, LooksUpLiveValuesThroughTheApi) {
    FakeHvisd hvisd;
    const auto words = [&](std::vector<std::string> line) {
        line.insert(line.begin(), "__complete");
        return run_hvis(hvisd.path(), std::move(line)).out;
    };
    EXPECT_EQ(words({"status", ""}), "db\tfailed\nweb\trunning\n");
    EXPECT_EQ(words({"kvp", "get", "web", "OS"}), "OSName\tDebian\n");
    EXPECT_EQ(words({"service", "enable", "web", ""}), "heartbeat\tok\n");
    EXPECT_EQ(words({"service", "enable", "nobody", "k"}), "kvp\t\n");
    EXPECT_EQ(words({"operation", "show", ""}), std::string(kOperationId) + "\tweb: stop\n");
    EXPECT_EQ(words({"vm", "set", "web", "--service-version", "kvp="}),
              "kvp=3.0\t\nkvp=4.0\t\nkvp=5.0\t\nkvp=newest\t\n");
    EXPECT_EQ(words({"token", "delete", ""}), "22222222-2222-4333-8444-555555555555\tci\n");
    EXPECT_EQ(words({"--socket", "/nowhere", "status", ""}), "");
}

}  // namespace
}  // namespace hvis::cli
