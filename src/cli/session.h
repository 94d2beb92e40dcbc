#pragma once

#include <functional>
#include <string>

#include "cli/http/api.h"
#include "cli/output.h"

namespace hvis::cli {

/// What a verb works with; made once the command line has been read.
struct Session {
    Api& api;
    const Output& output;
    bool json = false;

    /// The document for programs, the text for people. False when it could not be written; run()
    /// sees to that at the end.
    bool print(const Json& document, const std::string& text) const;
};

/// A verb as the command line chose it.
using Action = std::function<Result<void, Failure>(Session&)>;

/// Waits for an operation that hvisd has begun, showing its progress, and returns its last state.
/// A failed one is a Failure. Ctrl+C leaves it as it is and says how to look at it.
Result<Document, Failure> finish_operation(Session& session, const Document& operation);

/// "web: stop" for what an operation is about.
std::string operation_title(const Json& operation);

}  // namespace hvis::cli
