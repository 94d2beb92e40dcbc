#include "cli/completion.h"

#include <array>

#include "cli/verbs/verbs.h"

namespace hvis::cli {
namespace {

constexpr std::array<std::string_view, 3> kShells = {"bash", "zsh", "fish"};

struct Completion {
    std::string shell;

    Result<void, Failure> run(Session& session) const {
        session.output.out(completion_script(shell));
        return {};
    }
};

}  // namespace

void add_completion_verb(CLI::App& app, Chosen& chosen) {
    CLI::App& completion = add_verb(app, "completion", "A shell's completion of this command",
                                    "completion bash >/etc/bash_completion.d/hvis");
    add_choice(completion, "SHELL", choose<Completion>(completion, chosen)->shell, kShells,
               "which shell: bash, zsh or fish", Need::kRequired);
}

}  // namespace hvis::cli
