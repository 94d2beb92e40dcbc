#include "cli/confirm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/fake_hvisd.h"
#include "cli/fake_input.h"

namespace hvis::cli {
namespace {

/// What asks, and the request that it is about.
struct Deed {
    std::vector<std::string> words;
    const char* question;
    const char* declined;
    const char* request;
};

const std::vector<Deed> kDeeds = {
    {{"vm", "delete", "web"},
     "Delete web, its pairs and its logs? [y/N] ",
     "hvis: web is not deleted\n",
     "DELETE /api/v1/vms/web"},
    {{"host", "stop-all"},
     "Shut down all guests of the host? [y/N] ",
     "hvis: the guests run on\n",
     "POST /api/v1/host/stop-all {}"},
};

/// On a terminal, where somebody types.
Outcome run_typing(const FakeHvisd& hvisd, const std::vector<std::string>& words,
                   std::string_view typed) {
    const FakeInput input(typed);
    return run_hvis(hvisd.path(), words, Place::kTerminal);
}

TEST(Confirm, DoesWhatTheAnswerIs) {
    FakeHvisd hvisd;
    for (const Deed& deed : kDeeds) {
        for (const char* no : {"n\n", "\n", "", "yesterday\n"}) {
            const Outcome outcome = run_typing(hvisd, deed.words, no);
            EXPECT_EQ(outcome.status, 1) << no;
            EXPECT_EQ(outcome.err, std::string(deed.question) + deed.declined);
            EXPECT_THAT(hvisd.take_lines(), testing::Not(testing::Contains(deed.request)));
        }
        for (const char* yes : {"y\n", "Y\n", "yes\nno\n"}) {
            EXPECT_EQ(run_typing(hvisd, deed.words, yes).status, 0) << yes;
            EXPECT_THAT(hvisd.take_lines(), testing::Contains(deed.request));
        }
    }
}

TEST(Confirm, NeedsYesWhereNobodyCanBeAsked) {
    FakeHvisd hvisd;
    for (const Deed& deed : kDeeds) {
        auto words = deed.words;
        const FakeInput input("y\n");
        const Outcome outcome = run_hvis(hvisd.path(), words);
        EXPECT_EQ(outcome.status, 2);
        EXPECT_THAT(outcome.err, testing::HasSubstr(" needs --yes\n"));
        EXPECT_THAT(hvisd.take_lines(), testing::Not(testing::Contains(deed.request)));
        words.emplace_back("-y");
        EXPECT_EQ(run_hvis(hvisd.path(), words).status, 0);
        EXPECT_THAT(hvisd.take_lines(), testing::Contains(deed.request));
    }
}

}  // namespace
}  // namespace hvis::cli
