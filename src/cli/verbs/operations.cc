#include <nlohmann/json.hpp>

#include "base/table.h"
#include "cli/verbs/verbs.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::member_of;
using control::text_at;

std::string percent_of(const Json& operation) {
    const Json& progress = member_of(operation, "progress");
    return progress.is_number()
               ? std::to_string(static_cast<int>(progress.get<double>() * 100)) + "%"
               : "-";
}

std::string operations_text(const Json& list) {
    std::vector<Row> rows = {{"ID", "OPERATION", "STATE", "DONE", "CREATED", "STEP"}};
    if (const Json& operations = member_of(list, "operations"); operations.is_array()) {
        for (const Json& operation : operations) {
            rows.push_back({text_at(operation, "id"), operation_title(operation),
                            text_at(operation, "state"), percent_of(operation),
                            text_at(operation, "created"), text_at(operation, "step")});
        }
    }
    return table_text(rows);
}

std::string operation_text(const Json& operation) {
    std::vector<Row> rows = {{"Operation", text_at(operation, "id")}};
    control::add_row(rows, "What", operation_title(operation));
    control::add_row(rows, "Asked by", text_at(operation, "caller"));
    control::add_row(rows, "State", text_at(operation, "state"));
    control::add_row(rows, "Step", text_at(operation, "step"));
    control::add_row(rows, "Created", text_at(operation, "created"));
    control::add_row(rows, "Finished", text_at(operation, "finished"));
    control::add_row(rows, "Error", text_at(member_of(operation, "error"), "message"));
    control::add_row(rows, "Next step", text_at(member_of(operation, "error"), "hint"));
    control::add_row(rows, "Result", control::text_of(member_of(operation, "result")));
    return table_text(rows);
}

struct ListOperations {
    Result<void, Failure> run(Session& session) const {
        const Document list = HVIS_TRY(session.api.get(Target("/operations")));
        session.print(*list, operations_text(*list));
        return {};
    }
};

struct ShowOperation {
    std::string id;

    Result<void, Failure> run(Session& session) const {
        const Document operation = HVIS_TRY(session.api.get(Target("/operations") / id));
        session.print(*operation, operation_text(*operation));
        return {};
    }
};

struct WaitOperation {
    std::string id;

    Result<void, Failure> run(Session& session) const {
        const Document operation = HVIS_TRY(session.api.get(Target("/operations") / id));
        const Document finished = HVIS_TRY(finish_operation(session, operation));
        session.print(*finished, operation_title(*finished) + ": succeeded\n");
        return {};
    }
};

struct CancelOperation {
    std::string id;

    Result<void, Failure> run(Session& session) const {
        const Document answer = HVIS_TRY(session.api.remove(Target("/operations") / id));
        session.print(*answer, "operation " + id + " is being cancelled\n");
        return {};
    }
};

}  // namespace

void add_operation_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& noun = add_noun(app, "operation", "Long work that hvisd does");
    choose<ListOperations>(
        add_verb(noun, "list", "What is under way, and the last that ended", "operation list"),
        chosen);
    const std::string id = " 5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f";
    CLI::App& show = add_verb(noun, "show", "One operation", "operation show" + id);
    add_argument(show, type_name::kOperation, choose<ShowOperation>(show, chosen)->id, "which one");
    CLI::App& wait = add_verb(noun, "wait", "Wait for its end", "operation wait" + id);
    add_argument(wait, type_name::kOperation, choose<WaitOperation>(wait, chosen)->id, "which one");
    CLI::App& cancel = add_verb(noun, "cancel", "End it early", "operation cancel" + id);
    add_argument(cancel, type_name::kOperation, choose<CancelOperation>(cancel, chosen)->id,
                 "which one");
}

}  // namespace hvis::cli
