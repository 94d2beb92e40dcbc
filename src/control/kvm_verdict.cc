#include "control/kvm_verdict.h"

#include <nlohmann/json.hpp>

#include "control/show_fields.h"

namespace hvis::control {
namespace {

std::string missing_of(const Json& capabilities, bool needed) {
    std::string list;
    for (const Json& capability : capabilities) {
        if (text_at(capability, "present") == "no" &&
            (text_at(capability, "needed") == "yes") == needed) {
            list += (list.empty() ? "" : ", ") + text_at(capability, "name") + " (Linux " +
                    text_at(capability, "since") + ")";
        }
    }
    return list;
}

}  // namespace

std::string KvmVerdict::text() const {
    if (!lacks_needed.empty()) {
        return "KVM lacks " + lacks_needed;
    }
    if (!processor_bad.empty()) {
        return processor_bad;
    }
    return lacks_wanted.empty() ? std::string() : "KVM lacks " + lacks_wanted;
}

Result<KvmVerdict, FieldError> judge_kvm(std::string_view report) {
    const auto probe = HVIS_TRY(parse_json(report, kMaxProbe));
    const Json& capabilities = member_of(*probe, "capabilities");
    if (!capabilities.is_array()) {
        return std::unexpected(
            FieldError{.pointer = "/capabilities", .message = "required, but missing"});
    }
    KvmVerdict verdict{.capabilities = capabilities.size(),
                       .lacks_needed = missing_of(capabilities, true),
                       .lacks_wanted = missing_of(capabilities, false),
                       .processor_bad = {}};
    if (text_at(*probe, "processor") != "yes") {
        const std::string why = text_at(*probe, "processor_error");
        verdict.processor_bad = why.empty() ? "no virtual processor with SynIC can be made" : why;
    }
    return verdict;
}

}  // namespace hvis::control
