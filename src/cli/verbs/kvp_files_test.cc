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
                            R"(PUT /api/v1/vms/web/kvp/external/new {"value":"z"})",
                            R"(PUT /api/v1/vms/web/kvp/external/role {"value":"y"})",
                            "DELETE /api/v1/vms/web/kvp/external/OSName"));
    hvisd.answer("PUT /api/v1/vms/web/kvp/external/role", 504,
                 R"({"code":"timed_out","detail":"the guest did not answer","hint":"look"})");
    const Outcome half = run_hvis(hvisd.path(), {"kvp", "import", "web", path});
    EXPECT_EQ(half.status, 4);
    EXPECT_EQ(half.err,
              "hvis: 'role': the guest did not answer; before that, 1 pair set, 0 removed\n"
              "  look; then import the file again: what is set already stays\n");
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
