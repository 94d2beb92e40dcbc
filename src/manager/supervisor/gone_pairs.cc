#include "manager/supervisor/gone_pairs.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/log.h"

namespace hvis::manager {
namespace {

using control::Json;
using control::Pool;

/// A key has at most 254 UTF-16 units, each of which JSON may write as six bytes.
constexpr size_t kMaxText = GonePairs::kMaxGonePairs * (254 * 6 + 16) + 256;

std::string name_of(const Guid& vm) { return "gone_pairs." + vm.to_string(); }

}  // namespace

GonePairs::GonePairs(Store& store, const Guid& vm) : store_(store), name_(name_of(vm)) {
    const auto text = store_.setting(name_);
    if (!text) {
        log(LogLevel::kError, "manager", text.error().message);
        return;
    }
    const auto document =
        *text ? control::parse_json(**text, kMaxText) : std::unexpected(control::FieldError());
    if (!document || !(*document)->is_object()) {
        return;  // none, or what another version wrote
    }
    for (size_t index = 0; index < control::kPoolWords.size(); ++index) {
        const Json list = (*document)->value(std::string(control::kPoolWords.at(index)), Json());
        for (const Json& key : list.is_array() ? list : Json::array()) {
            if (key.is_string()) {
                keys_.emplace(static_cast<Pool>(index), key.get<std::string>());
            }
        }
    }
}

bool GonePairs::has(Pool pool, const std::string& key) const { return keys_.contains({pool, key}); }

std::vector<std::string> GonePairs::of(Pool pool) const {
    std::vector<std::string> keys;
    for (const auto& [where, key] : keys_) {
        if (where == pool) {
            keys.push_back(key);
        }
    }
    return keys;
}

Result<void, Failure> GonePairs::add(Pool pool, const std::string& key) {
    Keys keys = keys_;
    return keys.emplace(pool, key).second ? keep(std::move(keys)) : Result<void, Failure>();
}

Result<void, Failure> GonePairs::remove(Pool pool, const std::string& key) {
    Keys keys = keys_;
    return keys.erase({pool, key}) != 0 ? keep(std::move(keys)) : Result<void, Failure>();
}

Result<void, Failure> GonePairs::keep(Keys keys) {
    Json document = Json::object();
    for (const auto& [pool, key] : keys) {
        document[std::string(control::to_string(pool))].push_back(key);
    }
    HVIS_CHECK(store_.save_setting(name_, control::dump_json(document)));
    keys_ = std::move(keys);
    return {};
}

Result<void, Failure> forget_gone_pairs(Store& store, const Guid& vm) {
    return store.save_setting(name_of(vm), "");
}

}  // namespace hvis::manager
