#include "cli/session.h"

#include <nlohmann/json.hpp>

#include "base/duration.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::ErrorCode;
using control::make_failure;
using control::member_of;
using control::text_at;
using std::chrono::milliseconds;

/// How long hvisd keeps a question about an operation: short where a line on a terminal turns.
constexpr milliseconds kTerminalRound{250};
constexpr milliseconds kPlainRound{10'000};

std::string step_of(const Json& operation, milliseconds waited) {
    std::string text = operation_title(operation);
    if (const std::string step = text_at(operation, "step"); !step.empty()) {
        text += ": " + step;
    }
    return text + " (" + duration_text(std::chrono::floor<std::chrono::seconds>(waited)) + ")";
}

std::optional<double> fraction_of(const Json& operation) {
    const Json& progress = member_of(operation, "progress");
    return progress.is_number() ? std::optional(progress.get<double>()) : std::nullopt;
}

Failure left_alone(const std::string& id) {
    Failure failure = interrupted();
    failure.message = "interrupted; the operation goes on";
    failure.hint =
        "look at it: hvis operation show " + id + "; end it: hvis operation cancel " + id;
    return failure;
}

/// Done, failed or cancelled.
Result<Document, Failure> judged(const Document& operation) {
    if (text_at(*operation, "state") == "succeeded") {
        return operation;
    }
    const std::string state = text_at(*operation, "state");
    Failure failure = make_failure(ErrorCode::kFailed, state);
    if (const Json& error = member_of(*operation, "error"); error.is_object()) {
        failure = control::failure_from_json(error);
    }
    if (failure.message == state) {  // which says nothing of what it is about
        failure.message =
            operation_title(*operation) + ": " + state + " (" + text_at(*operation, "id") + ")";
    }
    return std::unexpected(std::move(failure));
}

}  // namespace

bool Session::print(const Json& document, const std::string& text) const {
    return output.out(json ? control::dump_json_indented(document) + "\n" : text);
}

std::string operation_title(const Json& operation) {
    const std::string vm = text_at(operation, "vm_name");
    const std::string kind = text_at(operation, "kind");
    const size_t dot = vm.empty() ? std::string::npos : kind.find('.');
    return (vm.empty() ? "" : vm + ": ") + (dot == std::string::npos ? kind : kind.substr(dot + 1));
}

Result<Document, Failure> finish_operation(Session& session, const Document& operation) {
    Document current = operation;
    const std::string id = text_at(*operation, "id");
    const auto begun = std::chrono::steady_clock::now();
    Progress progress(session.output, !session.json);
    const milliseconds round = progress.enabled() ? kTerminalRound : kPlainRound;
    const Target target =
        (Target("/operations") / id).with("wait_ms", std::to_string(round.count()));
    while (text_at(*current, "state") == "running") {
        const auto waited =
            std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun);
        progress.show(step_of(*current, waited), fraction_of(*current));
        auto next = session.api.get(target, round + kPatience);
        if (!next && next.error().outcome == kInterrupted) {
            return std::unexpected(left_alone(id));
        }
        current = HVIS_TRY(std::move(next));
    }
    return judged(current);
}

}  // namespace hvis::cli
