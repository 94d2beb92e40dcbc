#include "cli/confirm.h"

#include "cli/standard_input.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;

constexpr size_t kMaxAnswer = 1024;

}  // namespace

Result<void, Failure> confirm(Session& session, const Doubtful& doubtful) {
    const Output& output = session.output;
    if (!output.in_terminal || !output.err_terminal) {
        return std::unexpected(make_failure(ErrorCode::kUsage, doubtful.deed + " needs --yes",
                                            "without a terminal nobody can be asked"));
    }
    output.err(doubtful.question + " [y/N] ");
    const std::string answer =
        HVIS_TRY(read_input(Until::kLine, kMaxAnswer, session.api.interrupt()));
    if (answer != "y" && answer != "Y" && answer != "yes") {
        return std::unexpected(make_failure(ErrorCode::kFailed, doubtful.declined));
    }
    return {};
}

}  // namespace hvis::cli
