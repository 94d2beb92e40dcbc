#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/fake_hvisd.h"
#include "cli/fake_input.h"

namespace hvis::cli {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(PairFiles, CarryPairs) {
    FakeHvisd hvisd;
    const std::string path = hvisd.directory() + "/pairs.json";
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "export", "web", path}).out,
              "2 pairs written to " + path + "\n");
    EXPECT_EQ(
        nlohmann::json::parse(run_hvis(hvisd.path(), {"kvp", "export", "web", path, "--json"}).out),
        (nlohmann::json{{"path", path}, {"pairs", 2}}));
    const Outcome same = run_hvis(hvisd.path(), {"kvp", "import", "web", path, "--replace"});
    EXPECT_EQ(same.out, "0 pairs set, 0 removed, the others were so already\n") << same.err;
    std::ofstream(path) << R"({"role":"y","new":"z"})";
    hvisd.take_lines();
    const Outcome other = run_hvis(hvisd.path(), {"kvp", "import", "web", path, "--replace"});
    EXPECT_EQ(other.status, 0) << other.err;
    EXPECT_THAT(hvisd.take_lines(),
                ElementsAre("GET /api/v1/vms/web/kvp/external",
                            "DELETE /api/v1/vms/web/kvp/external/OSName",
                            R"(PUT /api/v1/vms/web/kvp/external/new {"value":"z"})",
                            R"(PUT /api/v1/vms/web/kvp/external/role {"value":"y"})"));
    hvisd.answer("PUT /api/v1/vms/web/kvp/external/role", 504,
                 R"({"code":"timed_out","detail":"the guest did not answer","hint":"look"})");
    const Outcome half = run_hvis(hvisd.path(), {"kvp", "import", "web", path});
    EXPECT_EQ(half.status, 4);
    EXPECT_EQ(half.err,
              "hvis: 'role': the guest did not answer; before that, 1 pair set, 0 removed\n"
              "  look; then import the file again: what is done already stays\n");
    for (const char* bad : {"[]", "{\"a\":1}", "{", ""}) {
        std::ofstream(path) << bad;
        EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "import", "web", path}).status, 2) << bad;
    }
    std::ofstream(path) << "{}";
    hvisd.answer("GET /api/v1/vms/web/kvp/parameters", 200,
                 R"({"pool":"parameters","pairs":[{"key":"HostName","value":"a"}]})");
    hvisd.answer("DELETE /api/v1/vms/web/kvp/parameters/HostName", 409,
                 R"({"code":"failed","detail":"a fact of the host","outcome":"refused"})");
    const Outcome facts =
        run_hvis(hvisd.path(), {"kvp", "import", "web", path, "--replace", "--pool", "parameters"});
    EXPECT_EQ(facts.out, "0 pairs set, 0 removed, the others were so already\n") << facts.err;
}

/// {"PREFIX0":"x",…} of so many pairs.
nlohmann::json pairs_named(const std::string& prefix, size_t count) {
    nlohmann::json pairs = nlohmann::json::object();
    for (size_t number = 0; number < count; ++number) {
        pairs[prefix + std::to_string(number)] = "x";
    }
    return pairs;
}

TEST(PairFiles, AreCheckedBeforeAnythingIsDone) {
    FakeHvisd hvisd;
    const std::string path = hvisd.directory() + "/pairs.json";
    const auto complaint = [&](const nlohmann::json& pairs) {
        std::ofstream(path) << pairs;
        const Outcome outcome = run_hvis(hvisd.path(), {"kvp", "import", "web", path});
        EXPECT_EQ(outcome.status, 2);
        return outcome.err;
    };
    const std::string begin = "hvis: " + path + ": ";
    EXPECT_THAT(complaint({{"a", "x"}, {"", "y"}}),
                StartsWith(begin + R"(the key "": expected text of 1..254 UTF-16 units)"));
    EXPECT_THAT(complaint({{std::string(255, 'k'), "x"}}),
                StartsWith(begin + "the key \"" + std::string(64, 'k') + "…\": expected text of"));
    EXPECT_THAT(complaint({{"role", std::string(1023, 'v')}}),
                StartsWith(begin + R"(the value of "role": expected text of 0..1022 UTF-16)"));
    EXPECT_THAT(complaint(pairs_named("k", 113)),
                StartsWith(begin + "it holds 113 pairs: a pool takes at most 112\n"));
    EXPECT_THAT(hvisd.take_lines(), testing::IsEmpty());
}

TEST(PairFiles, AreRefusedWhereThePoolHasNoRoom) {
    FakeHvisd hvisd;
    const std::string path = hvisd.directory() + "/pairs.json";
    nlohmann::json full = {{"pool", "external"}, {"pairs", nlohmann::json::array()}};
    const auto named = pairs_named("k", 112);
    for (const auto& [key, value] : named.items()) {
        full["pairs"].push_back({{"key", key}, {"value", value}});
    }
    hvisd.answer("GET /api/v1/vms/web/kvp/external", 200, full.dump());
    std::ofstream(path) << R"({"new":"z"})";
    const Outcome refused = run_hvis(hvisd.path(), {"kvp", "import", "web", path});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, StartsWith("hvis: with those that are there already it would be 113 "
                                        "pairs: a pool takes at most 112\n"));
    EXPECT_THAT(hvisd.take_lines(), ElementsAre("GET /api/v1/vms/web/kvp/external"));
    std::ofstream(path) << pairs_named("k", 112);
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "import", "web", path}).out,
              "0 pairs set, 0 removed, the others were so already\n");
}

TEST(PairFiles, NameWhyTheyCannotBeRead) {
    FakeHvisd hvisd;
    const Outcome folder = run_hvis(hvisd.path(), {"kvp", "import", "web", "/tmp"});
    EXPECT_EQ(folder.status, 2);
    EXPECT_THAT(folder.err, StartsWith("hvis: cannot read /tmp: Is a directory\n"));
    EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "import", "web", "/nowhere/x"}).status, 2);
    const Outcome full = run_hvis(hvisd.path(), {"kvp", "export", "web", "/dev/full"});
    EXPECT_EQ(full.status, 1);
    EXPECT_THAT(full.err, StartsWith("hvis: cannot write /dev/full: No space left on device\n"));
}

TEST(PairFiles, MayBeStandardInput) {
    FakeHvisd hvisd;
    {
        const FakeInput input(R"({"new":"z"})");
        EXPECT_EQ(run_hvis(hvisd.path(), {"kvp", "import", "web", "-"}).out,
                  "1 pair set, 0 removed, the others were so already\n");
    }
    EXPECT_THAT(hvisd.take_lines(),
                ElementsAre("GET /api/v1/vms/web/kvp/external",
                            R"(PUT /api/v1/vms/web/kvp/external/new {"value":"z"})"));
    const FakeInput input("nonsense");
    const Outcome bad = run_hvis(hvisd.path(), {"kvp", "import", "web", "-"});
    EXPECT_EQ(bad.status, 2);
    EXPECT_THAT(bad.err, StartsWith("hvis: standard input: line 1, column "));
    EXPECT_THAT(hvisd.take_lines(), testing::IsEmpty());
}

}  // namespace
}  // namespace hvis::cli
