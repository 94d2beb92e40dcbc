#include <nlohmann/json.hpp>

#include "cli/doctor/check.h"
#include "cli/verbs/verbs.h"

namespace hvis::cli {
namespace {

struct Doctor {
    Result<void, Failure> run(Session& session) const {
        const Host host = Host::real();
        std::vector<Check> checks = check_kvm(host, kvm_of_hvisd(session.api));
        const auto add = [&](const std::vector<Check>& more) {
            checks.insert(checks.end(), more.begin(), more.end());
        };
        add(check_host(host));
        add(check_manager(host, session.api));
        add(check_launcher(host, session.api));
        session.print(checks_document(checks), checks_text(checks));
        if (worst_of(checks) == CheckState::kMissing) {
            return std::unexpected(control::make_failure(control::ErrorCode::kFailed,
                                                         "something that hvis needs is missing",
                                                         "follow the arrows, from the top"));
        }
        return {};
    }
};

}  // namespace

void add_doctor_verbs(CLI::App& app, Chosen& chosen) {
    choose<Doctor>(add_verb(app, "doctor", "What on this host is missing or not as it should be",
                            "doctor --json"),
                   chosen);
}

}  // namespace hvis::cli
