#include <csignal>
#include <string>
#include <vector>

#include "cli/interrupt.h"
#include "cli/run.h"

int main(int argc, char** argv) {
    using namespace hvis;
    // A reader that has left shows in what a write returns.
    std::signal(SIGPIPE, SIG_IGN);
    const auto interrupts = cli::take_interrupts();
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    return cli::run(words, cli::Output::standard(), cli::Surroundings::real(),
                    interrupts ? interrupts->get() : -1);
}
