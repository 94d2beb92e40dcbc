#include "harness/reply.h"

#include <ostream>

#include <nlohmann/json.hpp>

namespace hvis::guests {

using control::Json;

Reply::Reply(Result<std::shared_ptr<const Json>, control::Failure> outcome) {
    if (outcome) {
        result_ = *std::move(outcome);
    } else {
        failure_ = std::move(outcome).error();
    }
}

std::string Reply::code() const {
    return ok() ? "ok" : std::string(control::to_string(failure_.code));
}

const Json* Reply::find(const std::string& pointer) const {
    const Json::json_pointer path(pointer);
    return ok() && result_->contains(path) ? &result_->at(path) : nullptr;
}

bool Reply::has(const std::string& pointer) const { return find(pointer) != nullptr; }

std::string Reply::text(const std::string& pointer) const {
    const Json* value = find(pointer);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

int64_t Reply::number(const std::string& pointer) const {
    const Json* value = find(pointer);
    return value != nullptr && value->is_number_integer() ? value->get<int64_t>() : 0;
}

bool Reply::flag(const std::string& pointer) const {
    const Json* value = find(pointer);
    return value != nullptr && value->is_boolean() && value->get<bool>();
}

size_t Reply::size(const std::string& pointer) const {
    const Json* value = find(pointer);
    return value == nullptr ? 0 : value->size();
}

Pairs Reply::pairs(const std::string& pointer) const {
    Pairs pairs;
    for (size_t i = 0; i < size(pointer); ++i) {
        const std::string item = pointer + "/" + std::to_string(i);
        pairs.emplace_back(text(item + "/key"), text(item + "/value"));
    }
    return pairs;
}

std::string Reply::dump() const {
    return control::dump_json_indented(ok() ? *result_ : control::to_json(failure_));
}

std::ostream& operator<<(std::ostream& stream, const Reply& reply) {
    return stream << reply.dump();
}

}  // namespace hvis::guests
