#include <nlohmann/json.hpp>

#include "base/table.h"
#include "cli/confirm.h"
#include "cli/verbs/verbs.h"
#include "control/show_fields.h"

namespace hvis::cli {
namespace {

using control::text_at;

constexpr std::array<std::string_view, 3> kRoles = {"viewer", "operator", "administrator"};

struct CreateToken {
    std::string name;
    std::string role = "viewer";

    Result<void, Failure> run(Session& session) const {
        const Document token =
            HVIS_TRY(session.api.send("POST", Target("/tokens"), {{"name", name}, {"role", role}}));
        // The secret alone on standard output: `hvis token create ci >token`.
        const bool shown = session.print(*token, text_at(*token, "token") + "\n");
        if (auto lost = session.output.lost()) {
            lost->hint = "nobody has the token: hvis token delete " + text_at(*token, "id") +
                         "; then make another";
            return std::unexpected(*std::move(lost));
        }
        if (shown && !session.json) {
            session.output.err("the token is shown this once: keep it, for --token-file\n");
        }
        return {};
    }
};

struct ListTokens {
    Result<void, Failure> run(Session& session) const {
        const Document list = HVIS_TRY(session.api.get(Target("/tokens")));
        std::vector<Row> rows = {{"ID", "NAME", "ROLE", "CREATED", "LAST USED"}};
        for (const Json& token : control::member_of(*list, "tokens")) {
            const std::string last_used = text_at(token, "last_used");
            rows.push_back({text_at(token, "id"), text_at(token, "name"), text_at(token, "role"),
                            text_at(token, "created"), last_used.empty() ? "never" : last_used});
        }
        session.print(*list, table_text(rows));
        return {};
    }
};

struct DeleteToken {
    std::string id;

    Result<void, Failure> run(Session& session) const {
        const Document answer = HVIS_TRY(session.api.remove(Target("/tokens") / id));
        session.print(*answer, "the token is good for nothing any more\n");
        return {};
    }
};

/// "can be used", "can be used; KVM lacks …", or why it cannot.
std::string kvm_text(const Json& kvm) {
    const std::string explanation = text_at(kvm, "explanation");
    if (text_at(kvm, "usable") != "yes") {
        return explanation;
    }
    return "can be used" + (explanation.empty() ? "" : "; " + explanation);
}

struct ShowHost {
    Result<void, Failure> run(Session& session) const {
        const Document host = HVIS_TRY(session.api.get(Target("/host")));
        const Json& kvm = control::member_of(*host, "kvm");
        std::vector<Row> rows;
        control::add_row(rows, "Host", text_at(*host, "name"));
        control::add_row(rows, "hvisd", text_at(*host, "version"));
        control::add_row(rows, "Kernel", text_at(*host, "kernel"));
        control::add_row(rows, "KVM", kvm_text(kvm));
        const Json& launcher = control::member_of(*host, "launcher");
        control::add_row(rows, "Launcher",
                         text_at(launcher, "kind") + ": " + text_at(launcher, "explanation"));
        control::add_row(rows, "Next step", text_at(launcher, "hint"));
        control::add_row(rows, "VMs", text_at(control::member_of(*host, "vms"), "count"));
        session.print(*host, table_text(rows));
        return {};
    }
};

/// What hvis-guests.service does when the host goes down.
struct StopAll {
    bool yes = false;

    Result<void, Failure> run(Session& session) const {
        if (!yes) {
            HVIS_CHECK(confirm(session, {.deed = "shutting all guests down",
                                         .question = "Shut down all guests of the host?",
                                         .declined = "the guests run on"}));
        }
        const Document operation =
            HVIS_TRY(session.api.send("POST", Target("/host/stop-all"), Json::object()));
        const Document finished = HVIS_TRY(finish_operation(session, operation));
        session.print(*finished, "all guests are shut down\n");
        return {};
    }
};

struct BackUpDatabase {
    std::string path;

    Result<void, Failure> run(Session& session) const {
        const Document operation =
            HVIS_TRY(session.api.send("POST", Target("/database/backup"), {{"path", path}}));
        const Document finished = HVIS_TRY(finish_operation(session, operation));
        session.print(*finished, "the database is saved to " + path + "\n");
        return {};
    }
};

/// Both versions; ours alone where hvisd cannot be asked.
struct Version {
    Result<void, Failure> run(Session& session) const {
        const auto answer = session.api.get(Target("/version"));
        Json document = {{"hvis", HVIS_VERSION}};
        if (answer) {
            document["hvisd"] = **answer;
        } else {
            document["hvisd"] = nullptr;
            document["error"] = to_json(answer.error());
        }
        const std::string manager = answer ? text_at(**answer, "version")
                                           : "not reached: " + printable(answer.error().message);
        session.print(document, table_text({{"hvis", HVIS_VERSION}, {"hvisd", manager}}));
        return {};
    }
};

void add_token_verbs(CLI::App& app, Chosen& chosen) {
    CLI::App& noun = add_noun(app, "token", "Tokens for callers from elsewhere");
    CLI::App& create = add_verb(noun, "create", "Make a token, and show it this once",
                                "token create ci --role operator");
    const auto verb = choose<CreateToken>(create, chosen);
    add_argument(create, "NEW", verb->name, "what it is for");
    add_choice(create, "--role", verb->role, kRoles, "what it may do (viewer)");
    choose<ListTokens>(add_verb(noun, "list", "All tokens, without their secrets", "token list"),
                       chosen);
    CLI::App& remove = add_verb(noun, "delete", "Make a token good for nothing",
                                "token delete 5c0a3f5e-8f43-4f6c-9d36-0a1b2c3d4e5f");
    add_argument(remove, type_name::kToken, choose<DeleteToken>(remove, chosen)->id, "which one");
}

}  // namespace

void add_host_verbs(CLI::App& app, Chosen& chosen) {
    add_token_verbs(app, chosen);
    CLI::App& host = add_noun(app, "host", "The host of the VMs");
    choose<ShowHost>(add_verb(host, "show", "What hvisd says of its host", "host show"), chosen);
    CLI::App& stop_all =
        add_verb(host, "stop-all", "Shut all guests down, in the reverse of their order",
                 "host stop-all --yes");
    add_flag(stop_all, "--yes,-y", choose<StopAll>(stop_all, chosen)->yes, "do not ask");
    CLI::App& database = add_noun(app, "database", "What hvisd keeps");
    CLI::App& backup = add_verb(database, "backup", "Save the database while hvisd runs",
                                "database backup /srv/backup/hvis.db");
    add_host_path(backup, chosen, type_name::kFile, choose<BackUpDatabase>(backup, chosen)->path,
                  "new file, on the host of hvisd", Need::kRequired);
    choose<Version>(add_verb(app, "version", "Versions of hvis and hvisd", "version"), chosen);
}

}  // namespace hvis::cli
