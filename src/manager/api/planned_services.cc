#include "manager/api/planned_services.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/utf16.h"
#include "control/commands.h"

namespace hvis::manager {
namespace {

using control::Json;

struct Planned {
    std::string_view name;
    std::string_view title;
    std::string_view off;  ///< what else is to be said of it
    std::array<std::string_view, 2> aliases;
};
constexpr std::array kPlanned = {
    Planned{.name = "vss",
            .title = "volume shadow copy (backup)",
            .off = "",
            .aliases = {"backup", "volume-shadow-copy"}},
    Planned{.name = "file-copy",
            .title = "guest services (file copy)",
            .off = "; a version that has it leaves it off until it is enabled",
            .aliases = {"guest-services", "guest-service"}},
    Planned{.name = "mouse", .title = "the synthetic mouse", .off = "", .aliases = {}},
    Planned{.name = "keyboard", .title = "the synthetic keyboard", .off = "", .aliases = {}},
    Planned{.name = "video", .title = "synthetic video", .off = "", .aliases = {}},
};

/// "Guest_Services" and "guest services" are meant as "guest-services".
std::string plain(std::string_view name) {
    std::string text(name);
    for (char& letter : text) {
        if (letter >= 'A' && letter <= 'Z') {
            letter = static_cast<char>(letter - 'A' + 'a');
        } else if (letter == '_' || letter == ' ') {
            letter = '-';
        }
    }
    return text;
}

std::string offered() {
    std::string list;
    for (const std::string_view name : control::kServiceWords) {
        list += (list.empty() ? "" : ", ") + std::string(name);
    }
    return list;
}

std::string explanation_of(const Planned& service) {
    return std::string(service.title) + " is not in this version of hvis" +
           std::string(service.off);
}

}  // namespace

Json planned_services() {
    Json list = Json::array();
    for (const Planned& service : kPlanned) {
        list.push_back({{"service", service.name}, {"explanation", explanation_of(service)}});
    }
    return list;
}

control::Failure not_offered(std::string_view name) {
    const std::string wanted = plain(name);
    const auto* const found = std::ranges::find_if(kPlanned, [&](const Planned& service) {
        return service.name == wanted ||
               (!wanted.empty() &&
                std::ranges::find(service.aliases, wanted) != service.aliases.end());
    });
    if (found == kPlanned.end()) {
        return control::make_failure(control::ErrorCode::kNotFound,
                                     "there is no service \"" + escape_for_display(name) + "\"",
                                     "those that there are: " + offered());
    }
    return control::make_failure(
        control::ErrorCode::kUnavailable, explanation_of(*found),
        "a version that has it lists it (`hvis service list`) and enables it with: hvis service "
        "enable NAME " +
            std::string(found->name) + "; this one has " + offered());
}

}  // namespace hvis::manager
