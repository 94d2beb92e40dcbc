#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace hvis::cli {

/// One way to go on with the word before the cursor.
struct Candidate {
    std::string word;
    std::string description;
    bool operator==(const Candidate&) const = default;
};

/// What only hvisd knows: the values of arguments of that type ("NAME", "SERVICE", "KEY", …).
struct Question {
    std::string type;
    std::string vm;    ///< the VM that the line names, or empty
    std::string pool;  ///< the pool that the line names, or that the verb takes by itself
};
using Lookup = std::function<std::vector<Candidate>(const Question&)>;

/// Words that stand for themselves: the shell is to offer its files, or its folders.
inline constexpr const char* kCompleteFiles = ":files";
inline constexpr const char* kCompleteDirectories = ":directories";

/// Candidates for the last of `words` (empty where a new word begins), in the order of the tree.
/// `words` are those behind "hvis". Walks the same tree that reads command lines, so completion
/// cannot fall behind it.
std::vector<Candidate> complete(const CLI::App& tree, std::span<const std::string> words,
                                const Lookup& lookup);

/// The script for "bash", "zsh" or "fish"; empty for another shell.
std::string completion_script(std::string_view shell);

}  // namespace hvis::cli
