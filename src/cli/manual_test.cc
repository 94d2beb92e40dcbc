#include <fstream>
#include <iterator>

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"

namespace hvis::cli {
namespace {

std::string read_manual() {
    std::ifstream file(HVIS_MANUAL);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The paragraph of the verb "vm create": from "*vm create*" to the next verb.
std::string paragraph_of(const std::string& manual, const std::string& path) {
    const size_t begin = manual.find("\n*" + path + "*");
    if (begin == std::string::npos) {
        return {};
    }
    const size_t end = manual.find("\n\n*", begin);
    return manual.substr(begin, end - begin);
}

void check_verbs(const CLI::App& app, const std::string& path, const std::string& manual) {
    for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
        const std::string name = path + (path.empty() ? "" : " ") + verb->get_name();
        if (!verb->get_subcommands([](const CLI::App*) { return true; }).empty()) {
            check_verbs(*verb, name, manual);
            continue;
        }
        const std::string paragraph = paragraph_of(manual, name);
        EXPECT_NE(paragraph, "") << "hvis(1) does not describe '" << name << "'";
        for (const CLI::Option* option : verb->get_options()) {
            const std::string word = option->nonpositional()
                                         ? "--" + option->get_lnames().front()
                                         : "_" + option->get_single_name() + "_";
            if (word != "--help") {
                EXPECT_THAT(paragraph, testing::HasSubstr(word)) << name;
            }
        }
        EXPECT_THAT(verb->get_footer(), testing::HasSubstr("Example:\n  hvis ")) << name;
    }
}

TEST(Manual, DescribesEveryVerbAndOption) {
    const std::string manual = read_manual();
    Chosen chosen;
    const auto tree = make_tree(chosen);
    check_verbs(*tree, "", manual);
    for (const CLI::Option* option : tree->get_options()) {
        EXPECT_THAT(manual, testing::HasSubstr("*--" + option->get_lnames().front() + "*"));
    }
}

TEST(Manual, DescribesNoVerbThatIsGone) {
    const std::string manual = read_manual();
    const size_t verbs = manual.find("# VERBS");
    const size_t end = manual.find("\n# ", verbs + 1);
    std::istringstream lines(manual.substr(verbs, end - verbs));
    Chosen chosen;
    const auto tree = make_tree(chosen);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with('*')) {
            continue;
        }
        std::istringstream words(line.substr(1, line.find('*', 1) - 1));
        const CLI::App* app = tree.get();
        for (std::string word; words >> word;) {
            const auto found =
                app->get_subcommands([&](const CLI::App* verb) { return verb->check_name(word); });
            ASSERT_FALSE(found.empty()) << "hvis has no '" << line << "'";
            app = found.front();
        }
    }
}

}  // namespace
}  // namespace hvis::cli
