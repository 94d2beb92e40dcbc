#include "manager/operation.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "control/time_text.h"

namespace hvis::manager {
namespace {

using control::Json;

std::string text_of(const Json& object, std::string_view name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<Guid> guid_of(const Json& object, std::string_view name) {
    const auto guid = Guid::parse(text_of(object, name));
    return guid ? std::optional(*guid) : std::nullopt;
}

std::optional<OperationState> state_of(const Json& object) {
    const auto found = std::ranges::find(kOperationWords, text_of(object, "state"));
    if (found == kOperationWords.end()) {
        return std::nullopt;
    }
    return static_cast<OperationState>(found - kOperationWords.begin());
}

}  // namespace

Json to_json(const Operation& operation) {
    Json value = {{"id", operation.id.to_string()},
                  {"kind", operation.kind},
                  {"caller", operation.caller},
                  {"state", kOperationWords[std::to_underlying(operation.state)]},
                  {"step", operation.step},
                  {"created", control::time_text(operation.created)}};
    if (operation.vm) {
        value["vm"] = operation.vm->to_string();
        value["vm_name"] = operation.vm_name;
    }
    if (operation.progress) {
        value["progress"] = *operation.progress;
    }
    if (operation.finished) {
        value["finished"] = control::time_text(*operation.finished);
    }
    if (operation.error) {
        value["error"] = control::to_json(*operation.error);
    }
    if (operation.result != nullptr) {
        value["result"] = *operation.result;
    }
    return value;
}

std::optional<Operation> operation_from_json(const Json& value) {
    if (!value.is_object()) {
        return std::nullopt;
    }
    const auto id = guid_of(value, "id");
    const auto state = state_of(value);
    if (!id || !state) {
        return std::nullopt;
    }
    Operation operation{
        .id = *id,
        .kind = text_of(value, "kind"),
        .vm = guid_of(value, "vm"),
        .vm_name = text_of(value, "vm_name"),
        .caller = text_of(value, "caller"),
        .state = *state,
        .progress = {},
        .step = text_of(value, "step"),
        .created = control::parse_time(text_of(value, "created")).value_or(WallTime{}),
        .finished = control::parse_time(text_of(value, "finished")),
        .error = {},
        .result = {}};
    if (const auto progress = value.find("progress");
        progress != value.end() && progress->is_number()) {
        operation.progress = std::clamp(progress->get<double>(), 0.0, 1.0);
    }
    if (const auto error = value.find("error"); error != value.end()) {
        operation.error = control::failure_from_json(*error);
    }
    if (const auto result = value.find("result"); result != value.end()) {
        operation.result = std::make_shared<const Json>(*result);
    }
    return operation;
}

}  // namespace hvis::manager
